"""Verifies that the peers compute what ours computes, then times all of them in rotation."""

import argparse
import json
import os
import sys

from . import machine, report, verify
from .measure import measure, peak_memory
from .places import CASES, WORK, export, export_file
from .problem import Problem

# The published batch of the dendritic network: displays, samples.
_FULL_BATCH = ("dendritic", 32, 512)


def main() -> int:
    arguments = parse()
    result = {"machine": machine.description(), "load_at_start": os.getloadavg()}
    print("\n".join(f"{key}: {value}" for key, value in result["machine"].items()))
    print(f"\nRelative L2 difference of ours (f32) from each peer (f64); at most {verify.LIMIT:g}.\n")
    result["verification"] = {}
    agree = True
    for case in arguments.cases:
        same, rows = verify.verify(export(case))
        agree &= same
        result["verification"][case] = rows
        print(verify.table(case, rows))
    if not agree:
        print("The peers do not compute what ours computes: nothing is timed.", file=sys.stderr)
    elif not arguments.verify_only:
        time_all(arguments, result)
    out = WORK / "results.json"
    out.write_text(json.dumps(result, indent=1) + "\n")
    print(f"\nwritten to {out}")
    return 0 if agree else 1


def time_all(arguments: argparse.Namespace, result: dict) -> None:
    """Times the cases on every number of threads, and adds what was measured to the result."""
    rounds = 3 if arguments.quick else arguments.rounds
    print(f"Medians over {rounds} rounds; ratios are theirs to ours, median (smallest … largest) over rounds.\n")
    result["measurements"], scaling = [], []
    for case in arguments.cases:
        problem = Problem(export_file(case))
        measured = []
        for threads in arguments.threads:
            print(f"timing {case}, threads: {threads}", file=sys.stderr)
            measured.append(measure(case, threads, rounds))
            result["measurements"].append(report.document(measured[-1], problem))
            print(report.table(measured[-1], problem), flush=True)
        scaling += [report.scaling(measured[0], more) for more in measured[1:]]
    if scaling:
        print("### Threads\n\n" + "\n\n".join(scaling) + "\n")
    case, displays, samples = _FULL_BATCH
    if case in arguments.cases:
        peak = peak_memory(case, displays, samples)
        result["full_batch"] = {"case": case, "trajectories": displays * samples, "peak_memory_bytes": peak}
        print(f"Peak memory of our {case} step at {displays * samples:,} trajectories: {peak / 1e6:.0f} MB.")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benches/peers/run", description=__doc__)
    parser.add_argument("cases", nargs="*", default=CASES, help=f"of {', '.join(CASES)}; all by default")
    parser.add_argument("--verify-only", action="store_true", help="time nothing")
    parser.add_argument("--quick", action="store_true", help="3 rounds")
    parser.add_argument("--rounds", type=int, default=9, metavar="N", help="rounds a case; 9 by default")
    parser.add_argument(
        "--threads", type=int, nargs="+", default=[1, 2], metavar="N", help="numbers of threads; 1 2 by default"
    )
    arguments = parser.parse_args()
    for case in arguments.cases:
        if case not in CASES:
            parser.error(f"there is no case {case!r}; there are {', '.join(CASES)}")
    return arguments


if __name__ == "__main__":
    sys.exit(main())
