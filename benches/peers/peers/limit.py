"""The machine's limit of a training step: what its arithmetic would take if each part ran alone at full speed.

Operations of the large matrix products, with the recomputation that storing only states asks for, at the peak of
multiply-adds in registers; softplus and normals at their own measured speed. Nothing overlaps in it, and nothing
else is counted: not the contractions of the tree, the input projections, the plane, penalties, sums or Adam."""

from .problem import Problem

UNITS = ("operation", "softplus", "softplus_slope", "normal")


def needs(problem: Problem) -> dict[str, int]:
    """How many of each unit a training step on the whole batch needs."""
    n, steps = problem.neurons, len(problem.steps)
    if problem.dynamics == "dendritic":
        b1, b2 = problem.branches
        branches, leaves = n * b1, n * b1 * b2
        # Leaves × neurons: forward, recomputed, Wᵀ·D and D·Xᵀ.
        products, values, slopes = 4 * leaves * n, leaves + branches + n, leaves + branches
    else:
        h = problem.hidden
        # Forward U and V, recomputed U, and for each Wᵀ·D and D·Xᵀ.
        products, values, slopes = 7 * h * n, h, h
    noisy = sum(step.sd > 0.0 for step in problem.steps)
    trajectories = problem.displays * problem.samples
    return {
        "operation": trajectories * steps * 2 * products,
        "softplus": trajectories * steps * values,
        "softplus_slope": trajectories * steps * slopes,
        "normal": trajectories * ((1 + noisy) * n + 2 * (problem.response_steps + 1)),
    }


def seconds(problem: Problem, cost: dict[str, float]) -> dict[str, float]:
    """What each unit contributes to the limit, given its cost (seconds)."""
    return {unit: count * cost[unit] for unit, count in needs(problem).items()}
