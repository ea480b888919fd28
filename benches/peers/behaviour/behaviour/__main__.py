"""Peers of the behaviour models: agreement first, then ratios of time. See ../README.md."""

import argparse
import json
import os
import sys
import time
from pathlib import Path
from statistics import median

# One thread, before NumPy and JAX look.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})

import numpy as np  # noqa: E402

from . import bns, mixture, ours  # noqa: E402
from .table import cells  # noqa: E402

ROOT = Path(__file__).resolve().parents[4]
# Largest difference of a log likelihood (nats), of a posterior mean (posterior sds).
NATS, SDS = 1e-3, 0.2
PEERS = {"NumPy EM": mixture.expectation_maximisation, "SciPy ML": mixture.maximum_likelihood}


def timed(work):
    cpu, wall = time.process_time(), time.perf_counter()
    result = work()
    return result, time.process_time() - cpu, time.perf_counter() - wall


def compare_mixture(table, rounds):
    groups = cells(table, by_participant=True)
    print(f"## Three components: {len(groups)} cells of participant × set size of {table.name}, 1 thread\n")
    times = {name: [] for name in ["ours", *PEERS]}
    worst = {}
    for round in range(rounds):
        fits, cpu, wall = ours.fit(table, "--model", "three-component", "--by", "participant,set_size")
        times["ours"].append((cpu, wall))
        for name, peer in PEERS.items():
            values, cpu, wall = timed(lambda: [peer(cell.errors) for cell in groups])
            times[name].append((cpu, wall))
            if round == 0:
                likelihoods = {(fit["participant"], fit["set_size"]): fit["log_likelihood"] for fit in fits}
                gaps = [likelihoods[cell.participant, cell.set_size] - value[0] for cell, value in zip(groups, values)]
                print(f"log likelihood, ours − {name}: {min(gaps):+.6f} … {max(gaps):+.6f} nats")
                worst[name] = min(gaps)
    agree = all(gap > -NATS for gap in worst.values())
    print(f"ours reaches every peer's log likelihood within {NATS}: {'yes' if agree else 'NO'}\n")
    return agree, table_of(times)


def table_of(times):
    print("| | CPU s | CPU ratio | wall s | wall ratio |\n|---|---|---|---|---|")
    result = {}
    for name, rounds in times.items():
        cpu, wall = (median(values) for values in zip(*rounds))
        ratios = [median(theirs[clock] / own[clock] for theirs, own in zip(rounds, times["ours"])) for clock in (0, 1)]
        print(f"| {name} | {cpu:.4f} | {ratios[0]:.1f} | {wall:.4f} | {ratios[1]:.1f} |")
        result[name] = {"cpu": cpu, "wall": wall, "cpu_ratio": ratios[0], "wall_ratio": ratios[1]}
    print()
    return result


def compare_bns(table, set_size, draws):
    (cell,) = [cell for cell in cells(table, by_participant=False) if cell.set_size == set_size]
    print(f"## BNS over probe distance: {len(cell.errors)} trials of {set_size} items of {table.name}, 1 thread\n")
    fits, cpu, wall = ours.fit(table, "--model", "bns:probe", "--where", f"set_size={set_size}")
    theirs = bns.sample(cell, fits[0], draws)
    posterior = fits[0]["posterior"]
    sd = np.array([np.linalg.norm(row) for row in posterior["covariance_cholesky"]])
    shift = np.abs(np.array(posterior["mean"]) - theirs["mean"]) / theirs["sd"]
    ratio = sd / theirs["sd"]
    print(f"NUTS: 4 chains × {draws} draws, smallest ESS {theirs['ess']:.0f}, largest R-hat {theirs['rhat']:.4f}")
    print(f"means differ by at most {shift.max():.3f} posterior sd, sds by factors {ratio.min():.3f} … {ratio.max():.3f}")
    agree = bool(shift.max() <= SDS and theirs["ess"] >= 400)
    print(f"agreement within {SDS} sd at an ESS of 400 or more: {'yes' if agree else 'NO'}\n")
    times = table_of({"ours": [(cpu, wall)], "NumPyro NUTS": [(theirs["cpu"], theirs["wall"])]})
    return agree, times | {"ess": theirs["ess"], "rhat": theirs["rhat"], "largest_shift": float(shift.max())}


def main():
    arguments = argparse.ArgumentParser(prog="benches/peers/behaviour/run", description=__doc__)
    arguments.add_argument("table", nargs="?", type=Path, help="a CSV table in radians; a bundled set by default")
    arguments.add_argument("--rounds", type=int, default=3, help="rounds of the mixtures (default 3)")
    arguments.add_argument("--bns-set-size", type=int, default=4, help="set size of the BNS fit (default 4)")
    arguments.add_argument("--draws", type=int, default=1000, help="draws of each NUTS chain (default 1000)")
    arguments = arguments.parse_args()
    table = (arguments.table or ROOT / "data" / "vandenberg2012_color_wheel.csv").resolve()
    mixtures_agree, mixtures = compare_mixture(table, arguments.rounds)
    bns_agrees, posterior = compare_bns(table, arguments.bns_set_size, arguments.draws)
    results = ROOT / "target" / "peers" / "behaviour.json"
    results.parent.mkdir(parents=True, exist_ok=True)
    results.write_text(json.dumps({"table": table.name, "three_component": mixtures, "bns": posterior}, indent=2))
    sys.exit(0 if mixtures_agree and bns_agrees else 1)


main()
