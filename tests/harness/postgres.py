"""A PostgreSQL 15 cluster of our own: private directory, free port of 127.0.0.1, durable as in production."""

import os
import pwd
import shutil
import signal
import subprocess
from pathlib import Path

import psycopg

from .ports import free_port
from .process import Child
from .waiting import wait_until

_DEBIAN_BIN = Path("/usr/lib/postgresql/15/bin")
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "fsync": "on",
    "synchronous_commit": "on",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "max_wal_size": "2GB",
    "log_min_messages": "warning",
    "logging_collector": "off",
}


def _program(name: str) -> str:
    found = _DEBIAN_BIN / name
    if found.exists():
        return str(found)
    anywhere = shutil.which(name)
    if anywhere is None:
        raise RuntimeError(f"{name} of PostgreSQL is missing: run `make deps-demo`")
    return anywhere


def _server_user() -> tuple[int, int] | None:
    """PostgreSQL refuses to run as root; the package brings a user for it."""
    if os.getuid() != 0:
        return None
    try:
        entry = pwd.getpwnam("postgres")
    except KeyError:
        entry = pwd.getpwnam("nobody")
    return entry.pw_uid, entry.pw_gid


class Postgres:
    """`trust` holds on loopback only, and only for as long as a test runs."""

    def __init__(self, run_dir: Path, name: str = "postgres", settings: dict | None = None):
        self.name = name
        self.port = free_port()
        self._settings = SETTINGS | (settings or {})
        self._logs = run_dir
        self._home = run_dir / name
        self._data = self._home / "data"
        self._user = _server_user()
        self._child: Child | None = None

    @property
    def dsn(self) -> str:
        return f"host=127.0.0.1 port={self.port} user=postgres dbname=postgres"

    @property
    def running(self) -> bool:
        return self._child is not None and self._child.running

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child else None

    def _create(self) -> None:
        self._home.mkdir()
        if self._user is not None:
            os.chown(self._home, *self._user)
        identity = {}
        if self._user is not None:
            identity = {"user": self._user[0], "group": self._user[1], "extra_groups": []}
        subprocess.run(
            [_program("initdb"), "-D", self._data, "-U", "postgres", "-A", "trust"]
            + ["-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions"],
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            cwd=self._home,
            **identity,
        )

    def start(self, limit_s: float = 60.0) -> "Postgres":
        if self.running:
            return self
        if not self._data.exists():
            self._create()
        argv = [_program("postgres"), "-D", self._data, "-p", str(self.port), "-k", self._home]
        for key, value in self._settings.items():
            argv += ["-c", f"{key}={value}"]
        # SIGINT is PostgreSQL's fast shutdown: what it must do when the harness dies.
        self._child = Child(
            self.name, argv, self._logs, cwd=self._home, user=self._user,
            death_signal=signal.SIGINT,
        )  # fmt: skip
        wait_until(self._answers, f"{self.name} to accept connections", limit_s)
        return self

    def _answers(self) -> bool:
        if not self.running:
            raise RuntimeError(f"{self.name} did not start\n{self._child.tail()}")
        try:
            psycopg.connect(self.dsn, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def stop(self) -> None:
        """Fast shutdown: sessions are cut, everything committed is on disk."""
        if self._child is not None:
            self._child.terminate(limit_s=60.0, first=signal.SIGINT)

    def stop_immediate(self) -> None:
        """As a crash: no checkpoint, recovery at the next start."""
        if self._child is not None:
            self._child.terminate(limit_s=30.0, first=signal.SIGQUIT)

    def restart(self, immediate: bool = False) -> None:
        if immediate:
            self.stop_immediate()
        else:
            self.stop()
        self.start()

    def log(self) -> str:
        return self._child.text("err") if self._child else ""

    def connect(self, **options) -> psycopg.Connection:
        return psycopg.connect(self.dsn, **({"autocommit": True} | options))

    def __enter__(self) -> "Postgres":
        return self.start()

    def __exit__(self, *_exc) -> None:
        self.stop()
