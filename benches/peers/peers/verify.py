"""Holds the peers' loss and gradients, in double precision, against those that ours computed in f32."""

from pathlib import Path

import numpy as np

from .jax_peer import JaxPeer
from .problem import Problem
from .torch_peer import TorchPeer

# Largest relative L2 difference: f32 rounding through all steps of a trial stays below it.
LIMIT = 1e-5


def verify(export: Path) -> tuple[bool, list[dict]]:
    """True when everything agrees, and the differences: one row a quantity, one column a peer."""
    problem = Problem(export)
    results = {"torch": TorchPeer(problem, double=True).reference(), "jax": JaxPeer(problem, double=True).reference()}
    ours = {name: problem.reference[name] for name in ("loss", "loss_per_step", "penalties")}
    ours |= {f"gradient of {name}": value for name, value in problem.gradients.items()}
    rows = []
    for name, value in ours.items():
        row = {"quantity": name}
        for peer, result in results.items():
            theirs = result["gradients"][name[12:]] if name.startswith("gradient of ") else result[name]
            row[peer] = _difference(np.asarray(value), np.asarray(theirs))
        rows.append(row)
    # Written so that NaN fails.
    return all(row[peer] <= LIMIT for row in rows for peer in results), rows


def _difference(ours: np.ndarray, theirs: np.ndarray) -> float:
    if ours.shape != theirs.shape:
        raise ValueError(f"ours has shape {ours.shape}, theirs {theirs.shape}")
    return float(np.linalg.norm(ours - theirs) / np.linalg.norm(theirs))


def table(case: str, rows: list[dict]) -> str:
    """The differences as Markdown."""
    lines = [f"| {case} | PyTorch | JAX |", "|---|---|---|"]
    lines += [f"| {row['quantity']} | {row['torch']:.1e} | {row['jax']:.1e} |" for row in rows]
    return "\n".join(lines) + "\n"
