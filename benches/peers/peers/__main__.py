"""`benches/peers/run`: verifies that the peers compute what ours computes, then times all in rotation."""

import argparse
import json
import sys
from pathlib import Path

from . import verify
from .places import CASES, OURS, WORK, export


def main() -> int:
    arguments = parse()
    WORK.mkdir(parents=True, exist_ok=True)
    print(f"Relative L2 difference of ours (f32) from each peer (f64); at most {verify.LIMIT:g}.\n")
    agree, verification = True, {}
    for case in arguments.cases:
        same, rows = verify.verify(export(case))
        agree &= same
        verification[case] = rows
        print(verify.table(case, rows))
    if not agree:
        print("The peers do not compute what ours computes: nothing is timed.", file=sys.stderr)
        return 1
    return 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benches/peers/run", description=__doc__)
    parser.add_argument("cases", nargs="*", default=CASES, help=f"of {', '.join(CASES)}; all by default")
    parser.add_argument("--verify-only", action="store_true", help="time nothing")
    arguments = parser.parse_args()
    for case in arguments.cases:
        if case not in CASES:
            parser.error(f"there is no case {case!r}; there are {', '.join(CASES)}")
    return arguments


if __name__ == "__main__":
    sys.exit(main())
