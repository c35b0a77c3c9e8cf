"""One private directory per run: data, sockets and logs. Removed at exit unless PARSTOCK_KEEP is set."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

from .process import stop_all


def make_run_dir(prefix: str = "parstock-") -> Path:
    """A new directory; short, because Unix socket paths end at 107 bytes."""
    path = Path(tempfile.mkdtemp(prefix=prefix, dir=os.environ.get("PARSTOCK_TMPDIR")))
    # Others may pass through (PostgreSQL runs as another user), not look around.
    path.chmod(0o711)
    if os.environ.get("PARSTOCK_KEEP"):
        print(f"keeping {path}")
    else:
        atexit.register(_remove, path)
    return path


def _remove(path: Path) -> None:
    # A child that still runs would write into the directory while it goes.
    stop_all()
    shutil.rmtree(path, ignore_errors=True)
