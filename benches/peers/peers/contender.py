"""Contenders: processes that do a piece of work on request, timed from outside, all with the same stopwatch."""

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from .places import OURS, case_file, export_file

# An allocator that keeps what it has freed: glibc's default returns large blocks to the kernel at once and
# faults their pages in again at the next step.
_KEEPING_MALLOC = ":".join(
    f"glibc.malloc.{key}={value}"
    for key, value in {"mmap_threshold": 1 << 40, "trim_threshold": 1 << 40, "top_pad": 1 << 26}.items()
)


@dataclass
class Time:
    """What a request cost (seconds)."""

    cpu: float
    wall: float


class Contender:
    """A process that answers lines with numbers."""

    def __init__(self, name: str, command: list, allocator: str, cores: set[int], environment: dict | None = None):
        self.name, self.allocator = name, allocator
        self._process = subprocess.Popen(
            ["taskset", "--cpu-list", ",".join(map(str, cores)), *map(str, command)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"OMP_NUM_THREADS": str(len(cores))} | (environment or {}),
        )
        self._read()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.stdin.close()
        self._process.wait()

    def cpu(self) -> float:
        """CPU time of all threads of the process so far (seconds)."""
        # The kernel's name for the CPU clock of another process, as clock_getcpuclockid(3) makes it.
        return time.clock_gettime((~self._process.pid << 3) | 2)

    def ask(self, line: str = "step") -> tuple[float, Time]:
        """The answer to a line, and what it cost."""
        cpu, wall = self.cpu(), time.perf_counter()
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        answer = float(self._read())
        spent = Time(self.cpu() - cpu, time.perf_counter() - wall)
        self._settle()
        return answer, spent

    def _settle(self) -> None:
        """Waits until the process rests: it may free memory or spin after its answer, at the next one's expense."""
        quiet = time.perf_counter() + 10.0
        while time.perf_counter() < quiet:
            cpu = self.cpu()
            time.sleep(0.02)
            if self.cpu() - cpu < 2e-4:
                return

    def peak_memory(self) -> int:
        """Largest resident set so far (bytes)."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        (line,) = [line for line in status.splitlines() if line.startswith("VmHWM:")]
        return int(line.split()[1]) * 1024

    def _read(self) -> str:
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} ended with exit code {self._process.wait()}")
        return line.strip()


def ours(case: str, cores: set[int], batch: tuple[int, int] | None = None) -> Contender:
    """Our training step, on the case's batch or on one of (displays, samples)."""
    command = [OURS, "steps", case_file(case), len(cores), *(batch or ())]
    return Contender("ours", command, "glibc malloc", cores)


def units(cores: set[int]) -> Contender:
    """The units of the machine's limit; a line names one, the answer is how many were spent."""
    return Contender("units", [OURS, "units"], "glibc malloc", cores)


def peers(case: str, cores: set[int]) -> list[Contender]:
    """The peers."""

    def serve(name, framework, allocator, environment=None):
        command = [sys.executable, "-B", "-m", "peers.serve", framework, export_file(case), len(cores)]
        return Contender(name, command, allocator, cores, environment)

    return [
        serve("PyTorch", "torch", "glibc malloc"),
        serve(
            "PyTorch, keeping", "torch", "glibc malloc that keeps what is freed", {"GLIBC_TUNABLES": _KEEPING_MALLOC}
        ),
        serve("JAX", "jax", "glibc malloc"),
    ]
