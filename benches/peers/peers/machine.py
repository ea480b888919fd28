"""The machine: what it is, and how busy others kept it while we measured."""

import os
import platform
import time
from importlib.metadata import version
from pathlib import Path


def description() -> dict[str, str]:
    """Processor, operating system and versions."""
    cpuinfo = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.split(":")[1].strip() for line in cpuinfo if line.startswith("model name")), "unknown")
    return {
        "processor": f"{model}, {os.cpu_count()} cores",
        "system": f"{platform.system()} {platform.release()}, {' '.join(platform.libc_ver())}",
        **{name: version(name) for name in ("torch", "jax", "jaxlib")},
    }


def cores(count: int) -> set[int]:
    """The last `count` cores that we may run on."""
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < count:
        raise RuntimeError(f"{count} threads asked for, but this process may use {len(allowed)} cores")
    return set(allowed[-count:])


class Watch:
    """How many cores others kept busy between making it and `others`."""

    def __init__(self, own_cpu):
        self._own_cpu = own_cpu
        self._start = self._now()

    def _now(self) -> tuple[float, float, float]:
        fields = Path("/proc/stat").read_text().split("\n")[0].split()[1:9]
        user, nice, system, _idle, _wait, interrupt, soft, steal = map(int, fields)
        busy = (user + nice + system + interrupt + soft + steal) / os.sysconf("SC_CLK_TCK")
        return time.perf_counter(), busy, self._own_cpu() + time.process_time()

    def others(self) -> float:
        """Cores that others kept busy, on average."""
        wall, busy, own = (now - start for now, start in zip(self._now(), self._start))
        return max(0.0, (busy - own) / wall)
