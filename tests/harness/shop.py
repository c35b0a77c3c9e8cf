"""The shop double as a process of its own (tests/doubles/shop)."""

import json
import os
import sys
from pathlib import Path
from typing import Any, Mapping

from .paths import ROOT
from .process import Child


class Shop:
    """Its state, the journal among it, lies in a directory and survives a restart."""

    def __init__(self, run_dir: Path, name: str = "shop", config: Mapping[str, Any] | None = None):
        self.name = name
        self.url = ""
        self.state_dir = run_dir / name
        self._logs = run_dir
        self._listen = "127.0.0.1:0"
        self._config = config
        self._child: Child | None = None

    @property
    def running(self) -> bool:
        return self._child is not None and self._child.running

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child else None

    def start(self, limit_s: float = 30.0) -> "Shop":
        if self.running:
            return self
        self.state_dir.mkdir(exist_ok=True)
        argv = [sys.executable, "-m", "tests.doubles.shop", "--listen", self._listen]
        argv += ["--state-dir", str(self.state_dir)]
        if self._config is not None:
            config = self._logs / f"{self.name}.config.json"
            config.write_text(json.dumps(self._config))
            argv += ["--config", str(config)]
        (self._logs / f"{self.name}.out").unlink(missing_ok=True)
        self._child = Child(
            self.name, argv, self._logs, cwd=ROOT, env={**os.environ, "PYTHONUNBUFFERED": "1"}
        )
        self.url = self._child.wait_line("listening=", limit_s=limit_s)
        # The next start takes the same port, so that those who know the shop find it again.
        self._listen = self.url.removeprefix("http://").rstrip("/")
        return self

    def stop(self) -> None:
        if self._child is not None:
            self._child.terminate()

    def kill(self) -> None:
        if self._child is not None:
            self._child.kill()

    def restart(self) -> None:
        self.stop()
        self.start()

    def __enter__(self) -> "Shop":
        return self.start()

    def __exit__(self, *_exc) -> None:
        self.stop()
