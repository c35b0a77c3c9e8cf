"""The promise of the harness: nothing it started outlives it, however it ends."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.harness.paths import ROOT
from tests.harness.process import Child
from tests.harness.waiting import Timeout, wait_until

# A process that ignores SIGTERM and leaves a grandchild in its group.
STUBBORN = "trap '' TERM; sleep 300 & echo grandchild=$!; while :; do sleep 1; done"


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_terminate_is_polite_first(run_dir):
    child = Child("polite", ["bash", "-c", "trap 'exit 7' TERM; echo up; while :; do sleep 0.1; done"], run_dir)
    child.wait_line("up")
    assert child.terminate() == 7


def test_terminate_kills_what_does_not_listen_and_its_group(run_dir):
    child = Child("stubborn", ["bash", "-c", STUBBORN], run_dir)
    grandchild = int(child.wait_line("grandchild="))
    assert child.terminate(limit_s=0.5) == -signal.SIGKILL
    wait_until(lambda: not is_running(grandchild), "the grandchild to be gone", 10)


def test_kill_reaches_the_group(run_dir):
    child = Child("stubborn", ["bash", "-c", STUBBORN], run_dir)
    grandchild = int(child.wait_line("grandchild="))
    child.kill()
    assert not child.running
    wait_until(lambda: not is_running(grandchild), "the grandchild to be gone", 10)


def test_terminate_wakes_a_paused_child(run_dir):
    child = Child("paused", ["sleep", "300"], run_dir)
    child.send(signal.SIGSTOP)
    assert child.terminate(limit_s=10) == -signal.SIGTERM


def test_a_child_hears_sigint_though_its_parent_does_not(run_dir):
    former = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        child = Child("hears", [sys.executable, "-c", "print('up', flush=True); import time; time.sleep(60)"], run_dir)
    finally:
        signal.signal(signal.SIGINT, former)
    child.wait_line("up")
    child.send(signal.SIGINT)
    assert child.wait(20) != 0 and "KeyboardInterrupt" in child.text("err")


def test_ctrl_c_while_a_child_is_forked_is_not_lost(tmp_path):
    script = textwrap.dedent(f"""
        import os, signal, sys
        from pathlib import Path
        from tests.harness.process import Child
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.register_at_fork(after_in_parent=lambda: os.kill(os.getpid(), signal.SIGINT))
        try:
            Child("child", ["sleep", "300"], Path({str(tmp_path)!r}))
        except KeyboardInterrupt:
            sys.exit(7)
    """)
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, timeout=60, stdin=subprocess.DEVNULL)
    assert done.returncode == 7


def test_wait_line_reports_an_early_end(run_dir):
    child = Child("early", ["bash", "-c", "echo why >&2; exit 3"], run_dir)
    with pytest.raises(AssertionError, match="ended with 3(.|\n)*why"):
        child.wait_line("never=")


def test_wait_until_names_what_it_waited_for():
    with pytest.raises(Timeout, match="pigs to fly"):
        wait_until(lambda: False, "pigs to fly", limit_s=0.1)


def start_parent(tmp_path: Path) -> tuple[subprocess.Popen, int, int]:
    """Another Python that holds a stubborn child, its pid and the grandchild's."""
    script = textwrap.dedent(
        f"""
        import pathlib, signal, sys, time
        sys.path.insert(0, {str(ROOT)!r})
        from tests.harness.process import Child, install_handlers
        install_handlers()
        child = Child("stubborn", ["bash", "-c", {STUBBORN!r}], pathlib.Path({str(tmp_path)!r}))
        print(child.pid, child.wait_line("grandchild="), flush=True)
        time.sleep(300)
        """
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    child, grandchild = map(int, parent.stdout.readline().split())
    return parent, child, grandchild


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signalled_parent_stops_its_children(tmp_path, number):
    parent, child, grandchild = start_parent(tmp_path)
    parent.send_signal(number)
    parent.communicate(timeout=60)
    assert not is_running(child)
    wait_until(lambda: not is_running(grandchild), "the grandchild to be gone", 10)


def test_killed_parent_takes_its_child_along(tmp_path):
    parent, child, grandchild = start_parent(tmp_path)
    parent.kill()
    parent.communicate()
    wait_until(lambda: not is_running(child), "the child to follow its parent", 10)
    os.kill(grandchild, signal.SIGKILL)  # only a direct child is tied to the parent's life
