"""How `make test` counts: what fails, crashes, hangs or is absent must show in the closing line."""

import os
import shutil
import signal
import subprocess
import sys

import pytest

from tests import suites
from tests.harness.paths import ROOT
from tests.harness.waiting import wait_until

CMOCKA = """
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
static void good(void **s) { (void)s; }
static void bad(void **s) { (void)s; assert_int_equal(1, 2); }
static void passed_over(void **s) { (void)s; skip(); }
static void crash(void **s) { (void)s; _Exit(9); }
int main(void)
{
    const struct CMUnitTest tests[] = {TESTS};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
"""


def run_cmocka(directory, *cases: str) -> suites.Tally:
    source, program = directory / "t.c", directory / "t"
    rows = ", ".join(f"cmocka_unit_test({case})" for case in cases)
    source.write_text(CMOCKA)
    command = ["gcc", "-w", f"-DTESTS={rows}", "-o", program, source, "-lcmocka"]
    subprocess.run(command, check=True)
    code, output = suites.run([program], directory / "logs", 30)
    return suites.count_cmocka(output, code)


@pytest.fixture(autouse=True)
def logs(tmp_path):
    (tmp_path / "logs").mkdir()
    return tmp_path / "logs"


@pytest.mark.parametrize(
    "cases, counts",
    [
        (["good"], (1, 0, 0)),
        (["good", "bad"], (1, 1, 0)),
        (["bad"], (0, 1, 0)),
        (["good", "passed_over"], (1, 0, 1)),
        (["good", "crash", "bad"], (1, 1, 0)),
        (["crash"], (0, 1, 0)),
    ],
)
def test_cmocka_cases_are_counted(tmp_path, cases, counts):
    tally = run_cmocka(tmp_path, *cases)
    assert (tally.passed, tally.failed, tally.skipped) == counts


def test_silent_unit_program_is_a_failure():
    assert suites.count_cmocka("", 0).failed == 1


def test_pytest_cases_are_counted(tmp_path, logs):
    text = (
        "import pytest\n"
        "def test_a(): pass\n"
        "def test_b(): assert 0\n"
        "def test_c(): pytest.skip('no need')\n"
        "@pytest.fixture\ndef broken(): raise OSError\n"
        "def test_d(broken): pass\n"
    )
    (tmp_path / "test_counted.py").write_text(text)
    tally = suites.run_pytest(logs, [str(tmp_path / "test_counted.py")])
    assert (tally.passed, tally.failed, tally.skipped) == (1, 2, 1)
    assert "assert 0" in tally.reports[0]


@pytest.mark.parametrize("text", ["import nothing_of_the_kind\n", "", "def test_(:\n"])
def test_pytest_that_runs_nothing_is_a_failure(tmp_path, logs, text):
    (tmp_path / "test_nothing.py").write_text(text)
    assert suites.run_pytest(logs, [str(tmp_path / "test_nothing.py")]).failed >= 1


def test_program_past_its_limit_fails(logs):
    code, output = suites.run(["sleep", "60"], logs, 0.2)
    assert code == 124 and "killed after" in output


def test_closing_line():
    assert str(suites.Tally(3, 0)) == "3 passed, 0 failed"
    assert str(suites.Tally(3, 1, 2)) == "3 passed, 1 failed, 2 skipped"


def copy_of_the_runner(tmp_path, test: str):
    """A tree with the real runner and one suite of pytest."""
    for name in ("run", "suites.py", "pytest.ini", "conftest.py", "harness"):
        source, target = ROOT / "tests" / name, tmp_path / "tests" / name
        target.parent.mkdir(exist_ok=True)
        ignore = shutil.ignore_patterns("selftest", "__pycache__")
        shutil.copytree(source, target, ignore=ignore) if source.is_dir() else shutil.copy(source, target)
    (tmp_path / "build").mkdir()
    (tmp_path / "build/deps").symlink_to(ROOT / "build/deps")
    (tmp_path / "tests/doubles").mkdir()
    (tmp_path / "tests/doubles/test_one.py").write_text(test)
    return [sys.executable, str(tmp_path / "tests/run"), "doubles"]


@pytest.mark.parametrize(
    "test, code, last",
    [
        ("def test_a(): pass\n", 0, "1 passed, 0 failed"),
        ("def test_a(): assert 0\ndef test_b(): pass\n", 1, "1 passed, 1 failed"),
    ],
)
def test_runner_closes_with_the_line_and_its_exit_code(tmp_path, test, code, last):
    done = subprocess.run(copy_of_the_runner(tmp_path, test), capture_output=True, text=True)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (code, last)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_stops_everything(tmp_path, number):
    mark = tmp_path / "server.pid"
    test = (
        "import pathlib, time\n"
        "from tests.harness.process import Child\n"
        "def test_a(run_dir):\n"
        "    child = Child('server', ['sleep', '300'], run_dir)\n"
        f"    pathlib.Path({str(mark)!r}).write_text(str(child.pid))\n"
        "    time.sleep(300)\n"
    )
    home = tmp_path / "run-dirs"
    home.mkdir()
    runner = subprocess.Popen(
        copy_of_the_runner(tmp_path, test), env={**os.environ, "PARSTOCK_TMPDIR": str(home)},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    pid = int(wait_until(lambda: mark.exists() and mark.read_text(), "the test to start", 30))
    runner.send_signal(number)
    assert runner.wait(timeout=60) == 128 + number
    wait_until(lambda: not os.path.exists(f"/proc/{pid}"), "the server to be gone", 10)
    assert list(home.iterdir()) == []


@pytest.mark.parametrize(
    ("output", "code", "counts"),
    [
        ("scenarios 5 passed, 1 failed (9 s)\n\nall suites took 9 s\n5 passed, 1 failed\n", 1, (5, 1, 0)),
        ("5 passed, 0 failed, 2 skipped\n", 0, (5, 0, 2)),
        ("5 passed, 0 failed\nkilled\n", 137, (0, 1, 0)),
        ("5 passed, 0 failed\n", 1, (5, 1, 0)),
        ("", 0, (0, 1, 0)),
    ],
)
def test_a_run_beside_is_counted_by_its_last_line(output, code, counts):
    tally = suites.read_tally(output, code)
    assert (tally.passed, tally.failed, tally.skipped) == counts
