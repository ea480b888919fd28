"""Times a case: every contender takes one step a round, in an order that moves on by one each round."""

from contextlib import ExitStack
from dataclasses import dataclass, field

from . import contender, limit
from .contender import Time
from .machine import Watch, cores

# Steps before the first round: compilation, first touch of the memory.
_WARM_UP = 2


@dataclass
class Measurement:
    """One case on one number of threads, round by round."""

    case: str
    threads: int
    # Times by contender; ours is first.
    times: dict[str, list[Time]] = field(default_factory=dict)
    allocators: dict[str, str] = field(default_factory=dict)
    # Peak resident set by contender (bytes).
    memory: dict[str, int] = field(default_factory=dict)
    # CPU seconds of one of each unit of the limit, on one thread.
    units: dict[str, list[float]] = field(default_factory=dict)
    # Cores that other processes kept busy meanwhile.
    others: float = 0.0


def measure(case: str, threads: int, rounds: int) -> Measurement:
    """Runs the rounds."""
    result = Measurement(case, threads)
    with ExitStack() as stack:
        contenders = [contender.ours(case, cores(threads)), *contender.peers(case, cores(threads))]
        units = contender.units(cores(1))
        for process in [*contenders, units]:
            stack.enter_context(process)
        for process in contenders:
            result.times[process.name] = []
            result.allocators[process.name] = process.allocator
            for _ in range(_WARM_UP):
                process.ask()
        watch = Watch(lambda: sum(process.cpu() for process in [*contenders, units]))
        for index in range(rounds):
            first = index % len(contenders)
            for process in contenders[first:] + contenders[:first]:
                # What a neighbour on the machine takes away changes within a second, so the units stand on both sides
                # of ours.
                ours = process is contenders[0]
                before = _costs(units) if ours else {}
                result.times[process.name].append(process.ask()[1])
                after = _costs(units) if ours else {}
                for unit, cost in before.items():
                    result.units.setdefault(unit, []).append((cost + after[unit]) / 2)
        result.others = watch.others()
        result.memory = {process.name: process.peak_memory() for process in contenders}
    return result


def _costs(units: contender.Contender) -> dict[str, float]:
    """CPU seconds of one of each unit of the limit."""
    costs = {}
    for unit in limit.UNITS:
        count, spent = units.ask(unit)
        costs[unit] = spent.cpu / count
    return costs


def peak_memory(case: str, displays: int, samples: int) -> int:
    """Peak resident set of our training step on a batch of its own (bytes)."""
    with contender.ours(case, cores(1), (displays, samples)) as process:
        process.ask()
        return process.peak_memory()
