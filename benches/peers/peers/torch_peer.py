"""The training step in eager PyTorch, written as research code writes it: autograd through all steps of the
trial, input and time projections for every sample, dense projectors, noise drawn step by step."""

import math

import numpy as np
import torch
from torch.nn.functional import linear, silu, softplus

from .problem import TUNING_KAPPA, Problem


class TorchPeer:
    """A network with its optimiser. `dtype` is f32 to train, f64 to verify."""

    def __init__(self, problem: Problem, double: bool = False):
        self.problem = problem
        self.dtype = torch.float64 if double else torch.float32
        self.parameters = {name: self._tensor(value).requires_grad_() for name, value in problem.parameters.items()}
        self.readout = self._tensor(problem.readout)
        self.in_plane = self.readout.T @ self.readout
        self.off_plane = torch.eye(problem.neurons, dtype=self.dtype) - self.in_plane
        self.sinusoids = self._tensor(problem.sinusoids())
        self.optimiser = torch.optim.Adam(self.parameters.values(), lr=problem.learning_rate)
        torch.manual_seed(1)

    def _tensor(self, value: np.ndarray) -> torch.Tensor:
        return torch.tensor(value, dtype=self.dtype)

    def step(self) -> float:
        """Draws a batch and takes a training step."""
        batch = self.draw()
        self.optimiser.zero_grad()
        loss, _, _ = self.loss(batch)
        loss.backward()
        self.optimiser.step()
        return loss.item()

    def reference(self) -> dict:
        """Loss and gradient of the exported batch."""
        batch = {
            name: torch.tensor(a) if a.dtype == np.int64 else self._tensor(a)
            for name, a in self.problem.reference_batch().items()
        }
        loss, per_step, penalties = self.loss(batch)
        loss.backward()
        return {
            "loss": loss.item(),
            "loss_per_step": per_step.detach().numpy(),
            "penalties": penalties.detach().numpy(),
            "gradients": {name: p.grad.numpy() for name, p in self.parameters.items()},
        }

    # What is drawn

    def draw(self) -> dict:
        """Displays, clean responses, their noised chains, and the states before the first step."""
        p = self.problem
        report, probe = self._separated(), self._separated()
        cued = torch.randint(p.set_size, (p.displays,))
        source = torch.multinomial(self._swap_weights(probe, cued), p.samples, replacement=True)
        angle = torch.gather(report, 1, source)
        clean = p.radius * torch.stack([angle.cos(), angle.sin()], dim=-1)
        x = clean + p.spread * torch.randn(p.displays, p.samples, 2, dtype=self.dtype)
        chain = [x]
        for beta in p.beta[1:]:
            x = math.sqrt(1.0 - beta) * x + math.sqrt(beta) * torch.randn_like(x)
            chain.append(x)
        start = p.base_sd * torch.randn(p.displays, p.samples, p.neurons, dtype=self.dtype).abs()
        return {
            "report": report, "probe": probe, "cued_slot": cued, "chain": torch.stack(chain), "start": start,
        }  # fmt: skip

    def _separated(self) -> torch.Tensor:
        """Two angles a display, further apart than the minimum separation."""
        p = self.problem
        assert p.set_size == 2
        first = 2.0 * math.pi * torch.rand(p.displays, dtype=self.dtype)
        gap = p.separation + torch.rand(p.displays, dtype=self.dtype) * 2.0 * (math.pi - p.separation)
        return torch.stack([first, first + gap], dim=-1)

    def _swap_weights(self, probe: torch.Tensor, cued: torch.Tensor) -> torch.Tensor:
        swap = self.problem.swap
        is_cued = torch.nn.functional.one_hot(cued, self.problem.set_size).to(self.dtype)
        if swap["kind"] == "flat":
            rate = swap["swap_probability"]
            return is_cued * (1.0 - rate) + (1.0 - is_cued) * rate / (self.problem.set_size - 1)
        assert swap["kind"] == "distance"
        offset = probe - probe.gather(1, cued[:, None])
        distance = torch.atan2(offset.sin(), offset.cos())
        logits = -0.5 * distance**2 / (swap["width"] + 2e-5) - swap["offset"] * is_cued
        return torch.softmax(logits, dim=-1)

    # The network

    def _input(self, batch: dict, shown: str | None) -> torch.Tensor:
        """s of every display."""
        p, parameters = self.problem, self.parameters
        displays = len(batch["cued_slot"])
        if p.cue == "index":
            slots = torch.stack([batch["report"].cos(), batch["report"].sin()], dim=-1).flatten(1)
            cue = parameters["cue.embedding"][batch["cued_slot"]]
            slots = slots if shown == "stimulus" else torch.zeros_like(slots)
            return torch.cat([slots, cue if shown == "cue" else torch.zeros_like(cue)], dim=-1)
        centres = self._tensor(p.tuning_centres())

        def tuning(angle):
            return torch.exp(TUNING_KAPPA * (torch.cos(angle[..., None] - centres) - 1.0))

        if shown == "stimulus":
            palimpsest = torch.einsum("dir,dip->drp", tuning(batch["report"]), tuning(batch["probe"]))
        elif shown == "cue":
            probe = tuning(batch["probe"].gather(1, batch["cued_slot"][:, None]))
            palimpsest = probe.expand(displays, len(centres), len(centres))
        else:
            palimpsest = torch.zeros(displays, len(centres), len(centres), dtype=self.dtype)
        projected = parameters["input.probe"].T @ palimpsest.transpose(1, 2) @ parameters["input.report"]
        return projected.flatten(1)

    def _code(self, code: int) -> torch.Tensor:
        p = self.parameters
        if code == 0:
            return p["time.preparation"]
        hidden = silu(linear(self.sinusoids[code - 1], p["time.first"], p["time.first_bias"]))
        return linear(hidden, p["time.second"], p["time.second_bias"])

    def _drive(self, r: torch.Tensor, s: torch.Tensor, e: torch.Tensor) -> torch.Tensor:
        """F(r, s, e), all [display, sample, feature]."""
        p = self.parameters
        if self.problem.dynamics == "rate":
            weights = torch.cat([p["hidden.recurrent"], p["hidden.time"], p["hidden.input"]], dim=1)
            hidden = softplus(linear(torch.cat([r, e, s], dim=-1), weights, p["hidden.bias"]))
            return linear(hidden, p["output.hidden"], p["output.bias"])
        n, (b1, b2) = self.problem.neurons, self.problem.branches
        leaf = linear(r, p["leaf.recurrent"].view(-1, n), p["leaf.bias"].flatten())
        leaf = softplus(leaf + linear(s, p["leaf.input"]) + linear(e, p["leaf.time"]))
        leaf = leaf.unflatten(-1, (n, b1, b2))
        branch = (leaf * p["branch.leaf"]).sum(dim=-1)
        time = linear(e, p["branch.time"], p["branch.bias"].flatten()).unflatten(-1, (n, b1))
        branch = softplus(branch + time)
        soma = (branch * p["soma.branch"]).sum(dim=-1)
        return softplus(soma + linear(e, p["soma.time"], p["soma.bias"]))

    # The loss

    def loss(self, batch: dict) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Loss, its diffusion part at τ = 1…T, and the weighted penalties: hand-off mean, hand-off spread (not
        used), activity."""
        p = self.problem
        chain, r = batch["chain"], batch["start"]
        displays, samples, _ = r.shape
        errors, norms = [], {epoch: [] for epoch in p.epoch_steps}
        hand_off = None
        for index, step in enumerate(p.steps):
            if step.epoch == "response":
                if hand_off is None:
                    hand_off = (r @ self.readout.T).mean(dim=1).norm(dim=-1).mean()
                x = chain[step.code]
                r = r @ self.off_plane + x @ self.readout
            s = self._input(batch, step.shown)[:, None].expand(-1, samples, -1)
            e = self._code(step.code).expand(displays, samples, -1)
            f = self._drive(r, s, e)
            if step.epoch == "response":
                target = p.clean_weight[step.code] * chain[0] + p.noised_weight[step.code] * x
                errors.append(((f @ self.readout.T - target) ** 2).mean())
            r = (1.0 - p.alpha) * r + p.alpha * f
            if step.sd > 0.0:
                noise = batch["noise"][index] if "noise" in batch else torch.randn_like(r)
                r = r + step.sd * noise
            norms[step.epoch].append((r @ self.off_plane if step.epoch == "response" else r).norm(dim=-1).mean())
        activity = sum(torch.stack(values).mean() for values in norms.values())
        per_step = torch.stack(errors[::-1])
        hand_off_mean, activity = p.hand_off_mean * hand_off, p.activity * activity
        penalties = torch.stack([hand_off_mean, torch.zeros_like(activity), activity])
        return per_step.mean() + penalties.sum(), per_step, penalties
