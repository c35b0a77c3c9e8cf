"""The suites of `make test`: how each is run and how its cases are counted."""

import os
import re
import sys
import xml.etree.ElementTree as xml
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

from tests.harness.paths import BUILD, ROOT
from tests.harness.process import Child
from tests.harness.waiting import Timeout

SANITIZE = "address,undefined"
SANITIZED = BUILD / "san-address-undefined"
UNIT_LIMIT_S, PYTEST_LIMIT_S, BUILD_LIMIT_S = 120.0, 2700.0, 900.0
# Scenarios wait for clocks and servers more than they compute: as many processes as a small machine has cores,
# each with a broker and a database of its own; the tests of a file stay together.
WAITING = {"scenarios"}
SIDE_BY_SIDE = ("-n", "2", "--dist", "loadfile")
ASIDE = "scenarios"  # of a whole run, beside all other suites
NEED_NO_BUILD = {"setup", "harness", "doubles"}
_CMOCKA_DONE = re.compile(r"^\[\s*(OK|FAILED|ERROR|SKIPPED)\s*\] (\S+)$", re.MULTILINE)


@dataclass
class Tally:
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    reports: list[str] = field(default_factory=list)  # what failures printed

    def fail(self, report: str) -> None:
        self.failed += 1
        self.reports.append(report)

    def add(self, other: "Tally") -> None:
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        self.reports += other.reports

    def __str__(self) -> str:
        line = f"{self.passed} passed, {self.failed} failed"
        return line + (f", {self.skipped} skipped" if self.skipped else "")


def run(argv: list, logs: Path, limit_s: float, env: dict | None = None) -> tuple[int, str]:
    """Exit code and output. A program past its limit is killed and has failed."""
    name = f"{len(list(logs.iterdir()))}-{Path(str(argv[0])).name}"
    child = Child(name, argv, logs, env={**os.environ, **(env or {})}, cwd=ROOT)
    try:
        code = child.wait(limit_s)
    except Timeout:
        child.kill()
        return 124, f"{child.text('out')}{child.text('err')}\nkilled after {limit_s:g} s"
    return code, child.text("out") + child.text("err")


def make(logs: Path, *arguments: str) -> Tally:
    """A build; only its failure is a case of its own."""
    argv = ["make", "--no-print-directory", "-j2", *arguments]
    code, output = run(argv, logs, BUILD_LIMIT_S, {"MAKEFLAGS": ""})
    tally = Tally()
    if code != 0:
        tally.fail(f"$ {' '.join(argv)}\n{output}")
    return tally


def build_all(logs: Path) -> Tally:
    """What any suite needs, before two of them run at once: their own calls find nothing to do."""
    tally = make(logs, "--keep-going", "all", "tools", "tests", "objects")
    tally.add(make(logs, "tests", "replays", f"SANITIZE={SANITIZE}"))
    return tally


def read_tally(output: str, code: int) -> Tally:
    """What a run of ours counted, by its last line."""
    found = re.search(r"^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?\s*\Z", output, re.MULTILINE)
    tally = Tally(*(int(number or 0) for number in found.groups())) if found else Tally()
    if (code != 0 or not tally.passed) and not tally.failed:
        tally.failed = 1
    return tally


def lint(logs: Path) -> Tally:
    built = make(logs, "--keep-going", "objects")
    code, output = run([sys.executable, "tests/lint/run"], logs, BUILD_LIMIT_S)
    found = re.search(r"^(\d+) rules passed, (\d+) failed$", output, re.MULTILINE)
    tally = Tally(int(found[1]), int(found[2])) if found else Tally()
    if code != 0 and tally.failed == 0:
        tally.failed += 1
    if code != 0:
        tally.reports.append(output)
    built.add(tally)
    return built


def count_cmocka(output: str, code: int) -> Tally:
    """cmocka names every case it ends; a program that fails otherwise (a crash) is a case as well."""
    tally = Tally()
    # The summary names failures a second time.
    for verdict, _name in set(_CMOCKA_DONE.findall(output)):
        tally.passed += verdict == "OK"
        tally.failed += verdict in ("FAILED", "ERROR")
        tally.skipped += verdict == "SKIPPED"
    if (code != 0 and not tally.failed) or not (tally.passed + tally.failed + tally.skipped):
        tally.failed += 1
    return tally


def run_unit(directory: Path, logs: Path) -> Tally:
    tally = Tally()
    for source in sorted((ROOT / "tests/unit").glob("test_*.c")):
        program = directory / "tests/unit" / source.stem
        code, output = run([program], logs, UNIT_LIMIT_S)
        one = count_cmocka(output, code)
        if one.failed:
            one.reports.append(f"$ {program.relative_to(ROOT)} (exit {code})\n{output}")
        tally.add(one)
    return tally


def unit(logs: Path) -> Tally:
    built = make(logs, "all", "tests")
    return built if built.failed else run_unit(BUILD, logs)


def unit_sanitized(logs: Path) -> Tally:
    built = make(logs, "tests", f"SANITIZE={SANITIZE}")
    return built if built.failed else run_unit(SANITIZED, logs)


def replays(logs: Path) -> Tally:
    """Each fuzzer eats its corpus under the sanitizers; one case each."""
    tally = make(logs, "replays", f"SANITIZE={SANITIZE}")
    if tally.failed:
        return tally
    for source in sorted((ROOT / "tests/fuzz").glob("fuzz_*.c")):
        program = SANITIZED / "tests/replay" / source.stem
        corpus = ROOT / "tests/fuzz/corpus" / source.stem.removeprefix("fuzz_")
        code, output = run([program, corpus], logs, UNIT_LIMIT_S)
        if code == 0:
            tally.passed += 1
        else:
            tally.fail(f"$ {program.relative_to(ROOT)} {corpus} (exit {code})\n{output}")
    return tally


def read_junit(path: Path) -> Tally:
    tally = Tally()
    for case in xml.parse(path).getroot().iter("testcase"):
        kinds = {child.tag for child in case}
        if kinds & {"failure", "error"}:
            tally.failed += 1
        elif "skipped" in kinds:
            tally.skipped += 1
        else:
            tally.passed += 1
    return tally


def run_pytest(logs: Path, paths: list[str], *more: str) -> Tally:
    report = logs / f"junit-{len(list(logs.iterdir()))}.xml"
    argv = [sys.executable, "-m", "pytest", "-c", "tests/pytest.ini", "--rootdir", ".", "-q"]
    code, output = run([*argv, *more, f"--junitxml={report}", *paths], logs, PYTEST_LIMIT_S)
    tally = read_junit(report) if report.exists() else Tally()
    # 5: pytest collected nothing; that a directory holds no test is no success either.
    if code != 0 and not tally.failed:
        tally.failed += 1
    if tally.failed:
        tally.reports.append(f"$ pytest {' '.join(paths)} (exit {code})\n{output}")
    elif tally.skipped:
        tally.reports += [line for line in output.splitlines() if line.startswith("SKIPPED")]
    return tally


def lint_selftest(logs: Path) -> Tally:
    return run_pytest(logs, ["tests/lint"])


def python_directories() -> list[str]:
    """Every directory of tests/ with pytest files but the linter's own, the most basic first."""
    order = ["setup", "harness", "schema", "doubles"]
    found = {p.relative_to(ROOT / "tests").parts[0] for p in (ROOT / "tests").rglob("test_*.py")}
    found -= {"lint"}
    return sorted(found, key=lambda d: (order.index(d) if d in order else len(order), d))


def pytest_suite(directory: str) -> Callable[[Path], Tally]:
    def suite(logs: Path) -> Tally:
        built = Tally() if directory in NEED_NO_BUILD else make(logs, "all", "tools")
        # Run even so: what does not need the build still tells something.
        built.add(run_pytest(logs, [f"tests/{directory}"], *(SIDE_BY_SIDE if directory in WAITING else [])))
        return built

    return suite


def all_suites() -> dict[str, Callable[[Path], Tally]]:
    suites = {
        "lint": lint,
        "lint-selftest": lint_selftest,
        "unit": unit,
        "unit-sanitized": unit_sanitized,
        "replays": replays,
    }
    return suites | {d: pytest_suite(d) for d in python_directories()}
