"""A training problem as our side exports it: configuration, initial parameters, and one step laid open."""

import math
import tomllib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import safe_open

# κ and number of the tuned units of each feature (feature cue).
TUNING_KAPPA, TUNED = 5.0, 16


@dataclass(frozen=True)
class Step:
    """One update r ← (1 − α) r + α F + σ ξ."""

    epoch: str
    # What is shown: "stimulus", "cue" or None.
    shown: str | None
    # 0 in the preparation, τ in the response.
    code: int
    sd: float


class Problem:
    """The case of an export, and the arrays of its reference step (numpy, f64)."""

    def __init__(self, export: Path):
        with safe_open(export, "numpy") as file:
            experiment = tomllib.loads(file.metadata()["experiment"])
            self.reference = {name: file.get_tensor(name) for name in file.keys()}
        task, network, objective = experiment["task"], experiment["network"], experiment["objective"]
        expected = {
            "objective": {"kind": "diffusion", "target": "sampled", "weighting": "uniform", "hand_off_spread": 0.0},
            "diffusion": {"reverse_variance": "published"},
            "training": {"optimiser": "adam"},
        }
        for section, values in expected.items():
            for key, value in values.items():
                if (given := experiment[section][key]) != value:
                    raise ValueError(f"{export}: {section}.{key} is {given}, but the peers know only {value}")
        self.dynamics = network["dynamics"]
        self.neurons = network["neurons"]
        self.branches = network["branches"]
        self.hidden = network.get("hidden", self.neurons)
        self.time_code = network["time_code"]
        self.alpha = network["alpha"]
        self.cue = task["cue"]
        (self.set_size,) = task["set_sizes"]
        self.swap = experiment["behaviour"]["swap"]
        self.radius = experiment["behaviour"]["radius"]
        self.spread = self.radius * experiment["behaviour"]["response_sd"]
        self.hand_off_mean, self.activity = objective["hand_off_mean"], objective["activity"]
        self.learning_rate = experiment["training"]["learning_rate"]
        self.displays, self.samples = experiment["training"]["displays"], experiment["training"]["samples"]
        self.parameters = self._prefixed("parameter/")
        self.gradients = self._prefixed("gradient/")
        self.readout = self.reference["readout"]
        self._set_schedule(task["epochs"], experiment["diffusion"]["beta"])

    def _prefixed(self, prefix: str) -> dict[str, np.ndarray]:
        return {name[len(prefix) :]: a for name, a in self.reference.items() if name.startswith(prefix)}

    def _set_schedule(self, epochs: dict, beta_range: list[float]) -> None:
        """β linear in τ; the posterior q(x_{τ−1} | x_τ, x₀) = N(A x₀ + B x_τ, β̃) gives Kᴬ = A/α and
        Kᴮ = (B − (1 − α))/α. Index 0 is unused."""
        steps = epochs["response"]
        self.response_steps = steps
        self.beta = np.concatenate([[0.0], np.linspace(*beta_range, steps)])
        alpha_bar = np.cumprod(1.0 - self.beta)
        before = np.concatenate([[1.0], alpha_bar[:-1]])
        with np.errstate(invalid="ignore"):
            clean = np.sqrt(before) * self.beta / (1.0 - alpha_bar)
            noised = np.sqrt(1.0 - self.beta) * (1.0 - before) / (1.0 - alpha_bar)
            sd = np.sqrt(self.beta * (1.0 - before) / (1.0 - alpha_bar))
        self.clean_weight = clean / self.alpha
        self.noised_weight = (noised - (1.0 - self.alpha)) / self.alpha
        self.base_sd = math.sqrt(1.0 - alpha_bar[-1])
        delay, longest = epochs["delay"]
        if delay != longest:
            raise ValueError("the peers know only one delay")
        self.steps = [
            Step(epoch, epoch if epoch in ("stimulus", "cue") else None, 0, float(sd[steps]))
            for epoch, length in [
                ("stimulus", epochs["stimulus"]),
                ("delay", delay),
                ("cue", epochs["cue"]),
                ("gap", epochs["gap"]),
            ]
            for _ in range(length)
        ]
        self.steps += [Step("response", None, tau, float(sd[tau])) for tau in range(steps, 0, -1)]
        self.epoch_steps = {
            epoch: sum(s.epoch == epoch for s in self.steps)
            for epoch in ("stimulus", "delay", "cue", "gap", "response")
        }

    def sinusoids(self) -> np.ndarray:
        """γ(τ) for τ = 1…T, [T, time code]."""
        half = self.time_code // 2
        rates = 1e4 ** (-2.0 * np.arange(half) / self.time_code)
        phases = np.arange(1, self.response_steps + 1)[:, None] * rates
        return np.concatenate([np.sin(phases), np.cos(phases)], axis=1)

    def tuning_centres(self) -> np.ndarray:
        """Preferred features of the tuned units (radians)."""
        return 2.0 * np.pi * np.arange(TUNED) / TUNED - np.pi

    @property
    def separation(self) -> float:
        """Minimum separation of the items in each feature (radians)."""
        return math.pi / (2 * self.set_size + 0.1)

    def reference_batch(self) -> dict[str, np.ndarray]:
        """What the reference step was computed from, trajectories as [display, sample]."""
        arrays = self.reference
        displays = len(arrays["cued_slot"])

        def samples_last_but_one(name: str) -> np.ndarray:
            a = np.moveaxis(arrays[name], -1, -2)
            return a.reshape(*a.shape[:-2], displays, -1, a.shape[-1])

        batch = {name: arrays[name] for name in ("report", "probe")}
        batch["cued_slot"] = arrays["cued_slot"].astype(np.int64)
        batch |= {name: samples_last_but_one(name) for name in ("chain", "start", "noise")}
        return batch
