"""The training step in JAX, as one would write it for speed: one jitted function with a scan for every epoch,
inputs and time code folded into a bias for each display, all noise drawn inside."""

import math
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from .problem import TUNING_KAPPA, Problem


class JaxPeer:
    """A network with its optimiser. Double precision, to verify, is set for the whole process."""

    def __init__(self, problem: Problem, double: bool = False):
        jax.config.update("jax_enable_x64", double)
        self.problem = problem
        self.dtype = jnp.float64 if double else jnp.float32
        self.parameters = {name: self._array(value) for name, value in problem.parameters.items()}
        self.readout = self._array(problem.readout)
        zeros = jax.tree.map(jnp.zeros_like, self.parameters)
        self.moments = (zeros, jax.tree.map(jnp.zeros_like, self.parameters))
        self.key, self.count = jax.random.key(1), 0
        self._step = jax.jit(self._update, donate_argnums=(0, 1))

    def _array(self, value: np.ndarray) -> jax.Array:
        return jnp.asarray(value, dtype=self.dtype)

    def step(self) -> float:
        """Draws a batch and takes a training step."""
        self.count += 1
        self.parameters, self.moments, self.key, loss = self._step(
            self.parameters, self.moments, self.key, float(self.count)
        )
        return float(loss)

    def _update(self, parameters, moments, key, count):
        """Adam."""
        key, draw_key = jax.random.split(key)
        (loss, _), gradient = jax.value_and_grad(self.loss, has_aux=True)(parameters, self.draw(draw_key))
        first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, moments[0], gradient)
        second = jax.tree.map(lambda m, g: 0.999 * m + 0.001 * g * g, moments[1], gradient)
        scale, root = 1.0 / (1.0 - 0.9**count), 1.0 / (1.0 - 0.999**count)
        rate = self.problem.learning_rate
        parameters = jax.tree.map(
            lambda w, m, v: w - rate * scale * m / (jnp.sqrt(root * v) + 1e-8), parameters, first, second
        )
        return parameters, (first, second), key, loss

    def reference(self) -> dict:
        """Loss and gradient of the exported batch."""
        batch = {
            name: jnp.asarray(a) if a.dtype == np.int64 else self._array(a)
            for name, a in self.problem.reference_batch().items()
        }
        of = jax.jit(jax.value_and_grad(self.loss, has_aux=True))
        (loss, (per_step, penalties)), gradients = of(self.parameters, batch)
        return {
            "loss": float(loss),
            "loss_per_step": np.asarray(per_step),
            "penalties": np.asarray(penalties),
            "gradients": {name: np.asarray(g) for name, g in gradients.items()},
        }

    # What is drawn

    def draw(self, key) -> dict:
        """Displays, clean responses, their noised chains, the states before the first step, all noise."""
        p = self.problem
        keys = jax.random.split(key, 7)
        report, probe = self._separated(keys[0]), self._separated(keys[1])
        cued = jax.random.randint(keys[2], (p.displays,), 0, p.set_size)
        logits = jnp.log(self._swap_weights(probe, cued))
        source = jax.random.categorical(keys[3], logits[:, None], axis=-1, shape=(p.displays, p.samples))
        angle = jnp.take_along_axis(report, source, axis=1)
        normals = jax.random.normal(keys[4], (p.response_steps + 1, p.displays, p.samples, 2), self.dtype)
        clean = p.radius * jnp.stack([jnp.cos(angle), jnp.sin(angle)], axis=-1) + p.spread * normals[0]

        def noised(x, at):
            beta, normal = at
            x = jnp.sqrt(1.0 - beta) * x + jnp.sqrt(beta) * normal
            return x, x

        _, chain = jax.lax.scan(noised, clean, (self._array(p.beta[1:]), normals[1:]))
        shape = (p.displays, p.samples, p.neurons)
        return {
            "report": report,
            "probe": probe,
            "cued_slot": cued,
            "chain": jnp.concatenate([clean[None], chain]),
            "start": p.base_sd * jnp.abs(jax.random.normal(keys[5], shape, self.dtype)),
            "noise": jax.random.normal(keys[6], (len(p.steps), *shape), self.dtype),
        }

    def _separated(self, key) -> jax.Array:
        """Two angles a display, further apart than the minimum separation."""
        p = self.problem
        assert p.set_size == 2
        first, gap = jax.random.uniform(key, (2, p.displays), self.dtype)
        first, gap = 2.0 * math.pi * first, p.separation + gap * 2.0 * (math.pi - p.separation)
        return jnp.stack([first, first + gap], axis=-1)

    def _swap_weights(self, probe, cued):
        swap = self.problem.swap
        is_cued = jax.nn.one_hot(cued, self.problem.set_size, dtype=self.dtype)
        if swap["kind"] == "flat":
            rate = swap["swap_probability"]
            return is_cued * (1.0 - rate) + (1.0 - is_cued) * rate / (self.problem.set_size - 1)
        assert swap["kind"] == "distance"
        offset = probe - jnp.take_along_axis(probe, cued[:, None], axis=1)
        distance = jnp.atan2(jnp.sin(offset), jnp.cos(offset))
        logits = -0.5 * distance**2 / (swap["width"] + 2e-5) - swap["offset"] * is_cued
        return jax.nn.softmax(logits, axis=-1)

    # The network

    def _input(self, parameters, batch, shown: str):
        """s of every display while something is shown."""
        p = self.problem
        if p.cue == "index":
            slots = jnp.stack([jnp.cos(batch["report"]), jnp.sin(batch["report"])], axis=-1)
            slots = slots.reshape(len(slots), -1)
            cue = parameters["cue.embedding"][batch["cued_slot"]]
            parts = [slots, jnp.zeros_like(cue)] if shown == "stimulus" else [jnp.zeros_like(slots), cue]
            return jnp.concatenate(parts, axis=-1)
        centres = self._array(p.tuning_centres())

        def tuning(angle):
            return jnp.exp(TUNING_KAPPA * (jnp.cos(angle[..., None] - centres) - 1.0))

        if shown == "stimulus":
            report, probe = tuning(batch["report"]), tuning(batch["probe"])
        else:
            probe = tuning(jnp.take_along_axis(batch["probe"], batch["cued_slot"][:, None], axis=1))
            report = jnp.ones_like(probe)
        projected = jnp.einsum(
            "dir,dip,ra,pb->dba", report, probe, parameters["input.report"], parameters["input.probe"]
        )
        return projected.reshape(len(projected), -1)

    def _codes(self, parameters):
        """e(τ) for τ = 1…T."""
        hidden = self._array(self.problem.sinusoids()) @ parameters["time.first"].T
        hidden = jax.nn.silu(hidden + parameters["time.first_bias"])
        return hidden @ parameters["time.second"].T + parameters["time.second_bias"]

    def _biases(self, parameters, e):
        """What time code e adds at every level."""
        names = (
            [("hidden.time", "hidden.bias")]
            if self.problem.dynamics == "rate"
            else [("leaf.time", "leaf.bias"), ("branch.time", "branch.bias"), ("soma.time", "soma.bias")]
        )
        return [e @ parameters[time].T + parameters[bias].reshape(-1) for time, bias in names]

    def _drive(self, parameters, r, biases, shown=None):
        """F(r, s, e); `shown` is the input's projection, [display, 1, unit]."""
        if self.problem.dynamics == "rate":
            hidden = r @ parameters["hidden.recurrent"].T + biases[0]
            hidden = jax.nn.softplus(hidden if shown is None else hidden + shown)
            return hidden @ parameters["output.hidden"].T + parameters["output.bias"]
        n, (b1, b2) = self.problem.neurons, self.problem.branches
        leaf = r @ parameters["leaf.recurrent"].reshape(-1, n).T + biases[0]
        leaf = jax.nn.softplus(leaf if shown is None else leaf + shown).reshape(*r.shape[:2], n, b1, b2)
        branch = (leaf * parameters["branch.leaf"]).sum(-1) + biases[1].reshape(n, b1)
        soma = (jax.nn.softplus(branch) * parameters["soma.branch"]).sum(-1) + biases[2]
        return jax.nn.softplus(soma)

    # The loss

    def loss(self, parameters, batch):
        """Loss, and with it its diffusion part at τ = 1…T and the weighted penalties: hand-off mean, hand-off
        spread (not used), activity."""
        p = self.problem
        r, at, activity = batch["start"], 0, 0.0
        biases = self._biases(parameters, parameters["time.preparation"])
        inputs = parameters["hidden.input" if p.dynamics == "rate" else "leaf.input"]
        for epoch in ("stimulus", "delay", "cue", "gap"):
            shown = None
            if epoch in ("stimulus", "cue"):
                shown = (self._input(parameters, batch, epoch) @ inputs.T)[:, None]
            steps = p.epoch_steps[epoch]
            forward = partial(self._prepare, parameters, biases, shown, p.steps[at].sd)
            r, norms = jax.lax.scan(forward, r, batch["noise"][at : at + steps])
            activity += norms.mean()
            at += steps
        hand_off = _norm((r @ self.readout.T).mean(axis=1)).mean()
        order = slice(None, 0, -1)
        responses = (
            self._biases(parameters, self._codes(parameters)[::-1]),
            batch["chain"][order],
            self._array(p.clean_weight[order]),
            self._array(p.noised_weight[order]),
            self._array([step.sd for step in p.steps[at:]]),
            batch["noise"][at:],
        )
        forward = partial(self._respond, parameters, batch["chain"][0])
        _, (errors, norms) = jax.lax.scan(forward, r, responses)
        activity += norms.mean()
        penalties = jnp.stack([p.hand_off_mean * hand_off, jnp.zeros_like(hand_off), p.activity * activity])
        return errors.mean() + penalties.sum(), (errors[::-1], penalties)

    def _prepare(self, parameters, biases, shown, sd, r, noise):
        f = self._drive(parameters, r, biases, shown)
        r = (1.0 - self.problem.alpha) * r + self.problem.alpha * f + sd * noise
        return r, _norm(r).mean()

    def _respond(self, parameters, clean, r, at):
        biases, x, clean_weight, noised_weight, sd, noise = at
        r = r + (x - r @ self.readout.T) @ self.readout
        f = self._drive(parameters, r, biases)
        target = clean_weight * clean + noised_weight * x
        error = ((f @ self.readout.T - target) ** 2).mean()
        r = (1.0 - self.problem.alpha) * r + self.problem.alpha * f + sd * noise
        off_plane = r - (r @ self.readout.T) @ self.readout
        return r, (error, _norm(off_plane).mean())


def _norm(x):
    # The state is never 0, but its derivative there must not be NaN.
    return jnp.sqrt((x * x).sum(-1) + 1e-12)
