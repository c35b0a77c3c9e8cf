"""Child processes that cannot outlive the one that started them.

Each child has its own process group, dies when its parent dies, writes to log files, and is stopped
by its own pid: first asked, then, past a limit, killed. `stop_all` runs at exit, also after SIGINT and SIGTERM.
Start children from the main thread: the kernel's parent-death signal follows the thread, not the process.
"""

import atexit
import ctypes
import os
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import Mapping, Sequence

from .waiting import Timeout, wait_until

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)
_alive: list["Child"] = []


def _tie_to_parent(parent: int, death_signal: int):
    def prepare() -> None:
        # A shell lets what it starts in the background ignore SIGINT, and so would its children.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        _libc.prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
        if os.getppid() != parent:  # it died before the tie held
            os._exit(1)

    return prepare


def _group_alive(pgid: int) -> bool:
    try:
        os.killpg(pgid, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True


@contextmanager
def _signals_afterwards():
    """A signal that comes while a process is forked is handled once that is done: Python drops the exception that its
    handler raises in a hook of fork (`logging` has one), and Ctrl-C would be lost."""
    former = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    held = {number: handler for number, handler in former.items() if callable(handler)}
    if threading.current_thread() is not threading.main_thread():
        held = {}  # only the main thread handles signals
    came: list[int] = []
    for number in held:
        signal.signal(number, lambda number, _frame: came.append(number))
    try:
        yield
    finally:
        for number, handler in held.items():
            signal.signal(number, handler)
        for number in came:
            held[number](number, None)


class Child:
    """A started program. stdout and stderr go to <log_dir>/<name>.out and .err."""

    def __init__(
        self,
        name: str,
        argv: Sequence[str | os.PathLike],
        log_dir: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        user: tuple[int, int] | None = None,
        death_signal: int = signal.SIGKILL,
        pass_fds: Sequence[int] = (),
    ):
        self.name = name
        self.out_path = log_dir / f"{name}.out"
        self.err_path = log_dir / f"{name}.err"
        identity = {}
        if user is not None:
            identity = {"user": user[0], "group": user[1], "extra_groups": [user[1]]}
        with open(self.out_path, "ab") as out, open(self.err_path, "ab") as err, _signals_afterwards():
            self._popen = subprocess.Popen(
                [os.fspath(a) for a in argv],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env=dict(env) if env is not None else None,
                cwd=cwd,
                process_group=0,
                pass_fds=pass_fds,
                preexec_fn=_tie_to_parent(os.getpid(), death_signal),
                **identity,
            )
            _alive.append(self)

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def returncode(self) -> int | None:
        return self._popen.poll()

    @property
    def running(self) -> bool:
        return self._popen.poll() is None

    def send(self, number: int) -> None:
        """Popen checks that the child is unreaped first, so the pid is ours still."""
        self._popen.send_signal(number)

    def wait(self, limit_s: float = 30.0) -> int:
        try:
            code = self._popen.wait(timeout=limit_s)
        except subprocess.TimeoutExpired:
            raise Timeout(f"{self.name} did not end within {limit_s:g} s\n{self.tail()}") from None
        self._reap_group()
        return code

    def terminate(self, limit_s: float = 30.0, first: int = signal.SIGTERM) -> int:
        """Ask, wait, and only then kill. The exit code (negative: the signal)."""
        if self.running:
            self._popen.send_signal(signal.SIGCONT)
            self._popen.send_signal(first)
            try:
                self._popen.wait(timeout=limit_s)
            except subprocess.TimeoutExpired:
                self._popen.kill()
                self._popen.wait()
        self._reap_group()
        return self._popen.returncode

    def kill(self) -> int:
        """SIGKILL to the child and to whatever it left in its group."""
        if self.running:
            self._popen.kill()
            self._popen.wait()
        self._reap_group()
        return self._popen.returncode

    def _reap_group(self) -> None:
        # A group whose leader is gone keeps its number for as long as it has members.
        if _group_alive(self.pid):
            try:
                os.killpg(self.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        if self in _alive:
            _alive.remove(self)

    def text(self, which: str = "err") -> str:
        path = self.err_path if which == "err" else self.out_path
        return path.read_text(errors="replace")

    def tail(self, lines: int = 20) -> str:
        both = self.text("out").splitlines()[-lines:] + self.text("err").splitlines()[-lines:]
        return "\n".join(f"  {self.name}| {line}" for line in both)

    def wait_line(self, prefix: str, which: str = "out", limit_s: float = 30.0) -> str:
        """What follows `prefix` on the first line of the output that starts with it."""

        def find() -> tuple[str] | None:
            for line in self.text(which).splitlines(keepends=True):
                if line.startswith(prefix) and line.endswith("\n"):
                    return (line[len(prefix) :].strip(),)  # truthy also when nothing follows
            if not self.running:
                raise AssertionError(f"{self.name} ended with {self.returncode}\n{self.tail()}")
            return None

        try:
            return wait_until(find, f"{self.name} to print '{prefix}...'", limit_s)[0]
        except Timeout as late:
            raise Timeout(f"{late}\n{self.tail()}") from None


def stop_all() -> None:
    """Stops what still runs, the last started first."""
    for child in reversed(list(_alive)):
        child.terminate(limit_s=10.0)


def install_handlers() -> None:
    """SIGTERM and SIGHUP become an ordinary exit, so that atexit and `finally` run."""

    def leave(number, _frame):
        # A second signal must not break off the clean-up the first one began.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        sys.exit(128 + number)

    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGHUP, leave)


atexit.register(stop_all)
