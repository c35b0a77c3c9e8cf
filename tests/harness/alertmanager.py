"""A real Alertmanager of our own: private directory, free port of 127.0.0.1, no cluster."""

import json
import shutil
import urllib.error
import urllib.request
from pathlib import Path

from .ports import free_port
from .process import Child
from .waiting import wait_until

PROGRAM = "prometheus-alertmanager"
CONFIG = """\
global:
  resolve_timeout: {resolve_timeout}
route:
  receiver: nobody
  group_by: [incident_id]
receivers:
  - name: nobody
"""


class Alertmanager:
    """It keeps alerts in memory: after a restart it knows what is sent to it again."""

    def __init__(self, run_dir: Path, name: str = "alertmanager", resolve_timeout: str = "5m"):
        self.name = name
        self.port = free_port()
        self._logs = run_dir
        self._home = run_dir / name
        self._resolve_timeout = resolve_timeout
        self._child: Child | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str):
        with urllib.request.urlopen(self.url + path, timeout=30) as answer:
            body = answer.read()
        return json.loads(body) if body.startswith((b"{", b"[")) else body

    def alerts(self) -> list[dict]:
        """What is firing, as its API has it."""
        return self.get("/api/v2/alerts")

    def _answers(self) -> bool:
        try:
            return self.get("/-/ready") is not None
        except (OSError, urllib.error.HTTPError):
            if self._child is not None and not self._child.running:
                raise RuntimeError(f"{self.name} ended\n{self._child.tail()}") from None
            return False

    def start(self, limit_s: float = 60.0) -> "Alertmanager":
        if shutil.which(PROGRAM) is None:
            raise RuntimeError("Alertmanager is not installed here: run `make deps`")
        self._home.mkdir(exist_ok=True)
        config = self._home / "alertmanager.yml"
        config.write_text(CONFIG.format(resolve_timeout=self._resolve_timeout))
        self._child = Child(self.name, [
            shutil.which(PROGRAM), f"--config.file={config}", f"--storage.path={self._home / 'data'}",
            f"--web.listen-address=127.0.0.1:{self.port}", "--cluster.listen-address=",
        ], self._logs, cwd=self._home)  # fmt: skip
        wait_until(self._answers, f"{self.name} to be ready", limit_s)
        return self

    def kill(self) -> None:
        if self._child is not None:
            self._child.kill()

    def __enter__(self) -> "Alertmanager":
        return self.start()

    def __exit__(self, *_exc: object) -> None:
        if self._child is not None:
            self._child.terminate()
