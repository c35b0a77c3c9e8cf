"""A started double, stopped by the process that was started."""

from __future__ import annotations

import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def running(directory: Path) -> Iterator[str]:
    """The url of a double that keeps its state in the directory."""
    command = [sys.executable, "-m", "tests.doubles.shop", "--state-dir", str(directory)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as child:
        try:
            line = child.stdout.readline()
            assert line.startswith("listening=http://127.0.0.1:"), line
            yield line.strip().removeprefix("listening=")
        finally:
            child.send_signal(signal.SIGTERM)
            assert child.wait(10) == 0
