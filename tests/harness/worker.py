"""parstock itself: a worker as a child process, or a command run to its end."""

import json
import os
import re
import signal
import subprocess
import urllib.error
import urllib.request
from pathlib import Path
from typing import Iterator, Mapping

from .paths import ROOT, parstock
from .process import Child
from .waiting import Timeout, wait_until

_ADMIN_ADDRESS = re.compile(r"127\.0\.0\.1:([1-9][0-9]*)")


def parstock_env(
    kafka: str | None = None,
    postgres: str | None = None,
    schema: str | None = None,
    contract: Path | None = None,
    **others: str,
) -> dict[str, str]:
    """The environment of a worker; nothing of the caller's own PARSTOCK_* or PG* leaks in."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PARSTOCK_", "PG"))}
    env["PARSTOCK_ADMIN_LISTEN"] = "127.0.0.1:0"
    env["PARSTOCK_GATEWAY_LISTEN"] = "127.0.0.1:0"
    named = {
        "PARSTOCK_KAFKA_BROKERS": kafka,
        "PARSTOCK_POSTGRES": postgres,
        "PARSTOCK_SCHEMA": schema,
        "PARSTOCK_CONTRACT": os.fspath(contract) if contract else None,
    }
    env.update({k: v for k, v in named.items() if v is not None})
    env.update(others)
    return env


def run_parstock(
    *arguments: str,
    env: Mapping[str, str] | None = None,
    stdin: bytes | None = None,
    limit_s: float = 120.0,
) -> subprocess.CompletedProcess:
    """A command run to its end; output as bytes. The caller judges the exit code."""
    source = {"input": stdin} if stdin is not None else {"stdin": subprocess.DEVNULL}
    return subprocess.run(
        [parstock(), *arguments],
        env=dict(env) if env is not None else parstock_env(),
        capture_output=True,
        timeout=limit_s,
        cwd=ROOT,
        **source,
    )


class Worker:
    """One worker process. Each start() is a new process with new log files <name>-<n>.err."""

    def __init__(self, command: str, env: Mapping[str, str], run_dir: Path, name: str | None = None,
                 arguments: tuple[str, ...] = ()):  # fmt: skip
        self.command = command
        self.name = name or command
        self.env = dict(env)
        self.starts = 0
        self._arguments = arguments
        self._logs = run_dir
        self._child: Child | None = None

    @property
    def child(self) -> Child:
        if self._child is None:
            raise RuntimeError(f"{self.name} was never started")
        return self._child

    @property
    def pid(self) -> int:
        return self.child.pid

    @property
    def running(self) -> bool:
        return self._child is not None and self._child.running

    def start(self, wait_ready: bool = False, limit_s: float = 60.0) -> "Worker":
        if not self.running:
            self.starts += 1
            argv = [parstock(), self.command, *self._arguments]
            self._child = Child(
                f"{self.name}-{self.starts}", argv, self._logs, env=self.env, cwd=ROOT,
                death_signal=signal.SIGTERM if self.command == "up" else signal.SIGKILL,
            )  # fmt: skip
        if wait_ready:
            self.wait_ready(limit_s)
        return self

    def log(self) -> Iterator[dict]:
        """The JSON records of the running process's log, oldest first."""
        for line in self.child.text("err").splitlines():
            try:
                record = json.loads(line)
            except ValueError:
                continue
            if isinstance(record, dict):
                yield record

    def admin_url(self) -> str | None:
        """Where health and metrics are served: the log names the port that was free."""
        for record in self.log():
            text = json.dumps(record)
            found = _ADMIN_ADDRESS.search(text)
            if found and "admin" in text:
                return f"http://127.0.0.1:{found.group(1)}"
        return None

    def get(self, path: str) -> tuple[int, str]:
        url = self.admin_url()
        if url is None:
            return 0, ""
        try:
            with urllib.request.urlopen(url + path, timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read().decode(errors="replace")
        except OSError:
            return 0, ""

    def ready(self) -> bool:
        if not self.running:
            raise AssertionError(
                f"{self.name} ended with {self.child.returncode}\n{self.child.tail()}"
            )
        return self.get("/readyz")[0] == 200

    def wait_ready(self, limit_s: float = 60.0) -> "Worker":
        try:
            wait_until(self.ready, f"{self.name} to be ready", limit_s, every_s=0.1)
        except Timeout as late:
            raise Timeout(f"{late}\n{self.child.tail()}") from None
        return self

    def kill(self) -> None:
        """SIGKILL, as a crash at whatever instruction it was at."""
        self.child.kill()

    def pause(self) -> None:
        self.child.send(signal.SIGSTOP)

    def resume(self) -> None:
        self.child.send(signal.SIGCONT)

    def terminate(self, limit_s: float = 60.0) -> int:
        """SIGTERM; a worker that drains as it should answers with exit code 0."""
        return self.child.terminate(limit_s)

    def __enter__(self) -> "Worker":
        return self.start()

    def __exit__(self, *_exc) -> None:
        if self._child is not None:
            self._child.terminate()
