"""Where things are: the cases, our executable, and the folder that all results go into."""

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
WORK = TARGET / "peers"
OURS = TARGET / "release" / "examples" / "peers"
_FOLDER = ROOT / "benches" / "peers" / "cases"
CASES = [path.stem for path in sorted(_FOLDER.glob("*.toml"))]

# Displays of the exported step: few, so that the file is small, but more than one tile.
_EXPORTED_DISPLAYS = 3


def case_file(case: str) -> Path:
    """The experiment file of a case."""
    return _FOLDER / f"{case}.toml"


def export_file(case: str) -> Path:
    """Where a case's exported step is."""
    return WORK / f"{case}.safetensors"


def export(case: str) -> Path:
    """Has ours export a training step of a case."""
    WORK.mkdir(parents=True, exist_ok=True)
    out = export_file(case)
    subprocess.run([OURS, "export", case_file(case), str(_EXPORTED_DISPLAYS), out], check=True)
    return out
