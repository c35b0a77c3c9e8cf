"""Where things lie in the tree. Everything is found from here, never from the current directory."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"
DEPS = BUILD / "deps"
KAFKA_LIBS = DEPS / "kafka" / "libs"


def parstock() -> Path:
    """The program under test; PARSTOCK_PROGRAM names another build, e.g. a sanitized one."""
    return Path(os.environ.get("PARSTOCK_PROGRAM", BUILD / "parstock"))
