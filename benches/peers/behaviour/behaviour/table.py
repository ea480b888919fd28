"""Trials of a table in the schema that errare reads, as arrays a cell (participant × set size)."""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np


def wrap(angle):
    """Into [−π, π)."""
    return (angle + np.pi) % (2 * np.pi) - np.pi


@dataclass
class Cell:
    """The trials of one fit: deviations of the response from every item, and offsets of the items from the cued one."""

    participant: str | None
    set_size: int
    errors: np.ndarray  # [trials, items], item 0 is the cued one
    probe: np.ndarray | None  # [trials, items]


def cells(path: Path, by_participant: bool) -> list[Cell]:
    """The cells of a table in radians, in order of first appearance."""
    groups: dict[tuple, list] = {}
    with open(path, newline="") as file:
        rows = csv.DictReader(file)
        has_probe = "probe_0" in (rows.fieldnames or [])
        for row in rows:
            n = int(row["set_size"])
            report = [float(row[f"report_{i}"]) for i in range(n)]
            probe = [float(row[f"probe_{i}"]) for i in range(n)] if has_probe else None
            key = (row["participant"] if by_participant else None, n)
            groups.setdefault(key, []).append((float(row["response"]), report, probe))
    result = []
    for (participant, n), trials in groups.items():
        response = np.array([trial[0] for trial in trials])
        report = np.array([trial[1] for trial in trials])
        probe = np.array([trial[2] for trial in trials]) if has_probe else None
        offsets = None if probe is None else wrap(probe - probe[:, :1])
        result.append(Cell(participant, n, wrap(response[:, None] - report), offsets))
    return result
