"""What was measured, as Markdown and as JSON."""

from statistics import median

from . import limit
from .measure import Measurement
from .problem import Problem


def ratios(measurement: Measurement, clock: str) -> dict[str, dict[str, float]]:
    """Each peer's time over ours, round by round: median, smallest and largest."""
    times = {name: [getattr(t, clock) for t in all] for name, all in measurement.times.items()}
    ours = times.pop("ours")
    result = {}
    for name, theirs in times.items():
        by_round = [t / o for t, o in zip(theirs, ours)]
        result[name] = {"median": median(by_round), "smallest": min(by_round), "largest": max(by_round)}
    return result


def share(measurement: Measurement, problem: Problem, recomputed: bool = True) -> dict[str, float]:
    """The limit (seconds) in its parts, and what share of our CPU time it is: a median over rounds."""
    shares = []
    for index, time in enumerate(measurement.times["ours"]):
        cost = {unit: by_round[index] for unit, by_round in measurement.units.items()}
        shares.append(sum(limit.seconds(problem, cost, recomputed).values()) / time.cpu)
    costs = {unit: median(cost) for unit, cost in measurement.units.items()}
    parts = limit.seconds(problem, costs, recomputed)
    return parts | {"share": median(shares), "smallest": min(shares), "largest": max(shares)}


def bounds(measurement: Measurement, problem: Problem) -> dict[str, float]:
    """The CPU ratio that each peer would have if ours ran at the limit of what it does."""
    attained = share(measurement, problem, limit.recomputes(problem))["share"]
    return {name: ratio["median"] / attained for name, ratio in ratios(measurement, "cpu").items()}


def document(measurement: Measurement, problem: Problem) -> dict:
    """Everything, for a machine."""
    keeps = measurement.threads == 1 and not limit.recomputes(problem)
    return {
        "case": measurement.case,
        "threads": measurement.threads,
        "trajectories": problem.displays * problem.samples,
        "seconds": {name: [vars(t) for t in times] for name, times in measurement.times.items()},
        "allocators": measurement.allocators,
        "peak_memory_bytes": measurement.memory,
        "ratios": {clock: ratios(measurement, clock) for clock in ("cpu", "wall")},
        "unit_seconds": measurement.units,
        "limit": share(measurement, problem) if measurement.threads == 1 else None,
        "limit_without_recomputation": share(measurement, problem, False) if keeps else None,
        "ratios_at_limit": bounds(measurement, problem) if measurement.threads == 1 else None,
        "cores_used_by_others": measurement.others,
    }


def table(measurement: Measurement, problem: Problem) -> str:
    """Times and ratios as Markdown."""
    threads = "1 thread" if measurement.threads == 1 else f"{measurement.threads} threads"
    trajectories = f"{problem.displays * problem.samples:,} trajectories"
    lines = [
        f"### {measurement.case}, {trajectories}, {threads}",
        "",
        "| | CPU s | CPU ratio | wall s | wall ratio | peak MB | allocator |",
        "|---|---|---|---|---|---|---|",
    ]
    cpu, wall = ratios(measurement, "cpu"), ratios(measurement, "wall")
    for name, times in measurement.times.items():
        cells = [name]
        for clock, ratio in (("cpu", cpu), ("wall", wall)):
            cells.append(f"{median(getattr(t, clock) for t in times):.4f}")
            cells.append(_range(ratio[name], "{:.1f}") if name in ratio else "1")
        cells += [f"{measurement.memory[name] / 1e6:.0f}", measurement.allocators[name]]
        lines.append("| " + " | ".join(cells) + " |")
    lines.append("")
    if measurement.threads == 1:
        lines += _limit(measurement, problem)
    lines.append(f"Other processes kept {measurement.others:.2f} cores busy meanwhile.")
    return "\n".join(lines) + "\n"


def _limit(measurement: Measurement, problem: Problem) -> list[str]:
    parts = share(measurement, problem)
    unit = {unit: median(costs) for unit, costs in measurement.units.items()}
    nanoseconds = {name: f"{1e9 * cost:.3f} ns" for name, cost in unit.items()}
    softplus = parts["softplus"] + parts["softplus_slope"]
    attained = _range(parts | {"median": parts["share"]}, "{:.0%}")
    at_limit = ", ".join(f"{ratio:.1f} ({name})" for name, ratio in bounds(measurement, problem).items())
    kept = ""
    if not limit.recomputes(problem):
        lower = share(measurement, problem, False)
        seconds = sum(lower[name] for name in limit.UNITS)
        of_it = _range(lower | {"median": lower["share"]}, "{:.0%}")
        kept = (
            f" It keeps the units that the limit computes again: without these the limit is {seconds:.4f} s, "
            f"and ours at {of_it} of it."
        )
    return [
        f"Limit {sum(parts[name] for name in limit.UNITS):.4f} s: "
        f"operations {parts['operation']:.4f} s at {1e-9 / unit['operation']:.0f} GFLOP/s; "
        f"softplus {softplus:.4f} s at {nanoseconds['softplus']}, {nanoseconds['softplus_slope']} with slope; "
        f"normals {parts['normal']:.4f} s at {nanoseconds['normal']}.",
        f"**Ours runs at {attained} of it.**{kept} At 100% the ratios would be {at_limit}.",
        "",
    ]


def scaling(one: Measurement, two: Measurement) -> str:
    """How much faster ours is on the second number of threads, and whether it had the cores to itself."""
    wall = [median(t.wall for t in m.times["ours"]) for m in (one, two)]
    cpu = [median(t.cpu for t in m.times["ours"]) for m in (one, two)]
    used = median(t.cpu / t.wall for t in two.times["ours"])
    text = f"{one.case}: ours on {two.threads} threads {wall[0] / wall[1]:.2f} × as fast (wall) as on {one.threads}, "
    text += f"for {cpu[1] / cpu[0]:.2f} × the CPU time; it used {used:.2f} cores."
    if max(one.others, two.others) > 0.05 or used < 0.95 * two.threads:
        text += (
            f" **The cores were not free** (others used {one.others:.2f} and {two.others:.2f}): wall times say "
            "little, and those of peers that spin while they wait least of all."
        )
    return text


def _range(values: dict[str, float], format: str) -> str:
    median, smallest, largest = (format.format(values[key]) for key in ("median", "smallest", "largest"))
    return f"{median} ({smallest} … {largest})"
