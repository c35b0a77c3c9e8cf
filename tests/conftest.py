"""Servers that tests ask for by name: one of each per session, tests keep apart by schema and topic names."""

import signal
from pathlib import Path
from typing import Iterator

import pytest

from tests.harness.kafka import ApacheKafka
from tests.harness.postgres import Postgres
from tests.harness.rundir import make_run_dir


def pytest_configure(config: pytest.Config) -> None:
    # pytest ends its run, fixtures and all, for KeyboardInterrupt only; SystemExit fails one test.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # A shell's background job starts with SIGINT ignored, and children inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def session_dir() -> Path:
    return make_run_dir()


@pytest.fixture
def run_dir() -> Path:
    """A directory for one test's own servers."""
    return make_run_dir()


@pytest.fixture(scope="session")
def postgres(session_dir: Path) -> Iterator[Postgres]:
    with Postgres(session_dir) as server:
        yield server


@pytest.fixture(scope="session")
def kafka(session_dir: Path) -> Iterator[ApacheKafka]:
    with ApacheKafka(session_dir) as broker:
        yield broker
