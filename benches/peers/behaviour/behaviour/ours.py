"""Our fits: the command itself, whole, from the file to its results."""

import json
import os
import resource
import subprocess
import tempfile
import time
from pathlib import Path


def fit(table, *options):
    """(the fits as `fit.json` keeps them, seconds of CPU, of wall) of `errare fit` on one thread, start-up and reading
    included."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "fit"
        before, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        command = [os.environ["ERRARE"], "fit", str(table), *options, "--threads", "1", "--quiet", "--out", str(out)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        wall = time.perf_counter() - wall
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return json.loads((out / "fit.json").read_text())["fits"], cpu, wall
