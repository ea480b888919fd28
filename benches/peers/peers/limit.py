"""The machine's limit of a training step: what its arithmetic would take if each part ran alone at full speed.

Operations of the large matrix products at the peak of multiply-adds in registers; softplus and normals at their own
measured speed. Nothing overlaps in it, and nothing else is counted: not the contractions of the tree, the input
projections, the plane, penalties, sums or Adam.

A step that stores only states computes the units again on its way back, and its limit counts that. Ours does so for trees;
the hidden units of rate networks it keeps, so that a second, lower limit holds for it there."""

from .problem import Problem

UNITS = ("operation", "softplus", "softplus_slope", "normal")


def recomputes(problem: Problem) -> bool:
    """Whether ours computes units again."""
    return problem.dynamics == "dendritic"


def needs(problem: Problem, recomputed: bool = True) -> dict[str, int]:
    """How many of each unit a training step on the whole batch needs, with units `recomputed` on the way back or kept."""
    n, steps = problem.neurons, len(problem.steps)
    if problem.dynamics == "dendritic":
        b1, b2 = problem.branches
        branches, leaves = n * b1, n * b1 * b2
        # Leaves × neurons: forward, Wᵀ·D and D·Xᵀ, and forward again.
        products, values, slopes = 3 * leaves * n, leaves + branches + n, 0
        again, slopes_again = leaves * n, leaves + branches
    else:
        h = problem.hidden
        # U and V, for each forward, Wᵀ·D and D·Xᵀ, and U again. The slope of a unit that was kept is not counted.
        products, values, slopes = 6 * h * n, h, 0
        again, slopes_again = h * n, h
    if recomputed:
        products, slopes = products + again, slopes_again
    noisy = sum(step.sd > 0.0 for step in problem.steps)
    trajectories = problem.displays * problem.samples
    return {
        "operation": trajectories * steps * 2 * products,
        "softplus": trajectories * steps * values,
        "softplus_slope": trajectories * steps * slopes,
        "normal": trajectories * ((1 + noisy) * n + 2 * (problem.response_steps + 1)),
    }


def seconds(problem: Problem, cost: dict[str, float], recomputed: bool = True) -> dict[str, float]:
    """What each unit contributes to the limit, given its cost (seconds)."""
    return {unit: count * cost[unit] for unit, count in needs(problem, recomputed).items()}
