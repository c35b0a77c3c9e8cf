"""Stages for scenarios; all of a run share one broker and one database."""

from typing import Callable, Iterator

import pytest

from tests.scenarios.stage import Stage


@pytest.fixture
def stage(kafka, postgres, session_dir) -> Iterator[Stage]:
    with Stage(kafka, postgres, session_dir) as scene:
        yield scene.set_up()


@pytest.fixture
def new_stage(session_dir) -> Iterator[Callable[..., Stage]]:
    """Stages on servers of the test's own."""
    opened: list[Stage] = []

    def open_stage(kafka, postgres, **settings) -> Stage:
        opened.append(Stage(kafka, postgres, session_dir, **settings))
        return opened[-1]

    yield open_stage
    for scene in opened:
        scene.__exit__()
