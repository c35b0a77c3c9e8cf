"""The judge of tries sees what it must: a post lost, half there, or come from nowhere."""

import json

import pytest

from tests.model.decode import Record
from tests.scenarios.gateway_load import Tries, check_tries


def records(*names: str) -> list[Record]:
    return [Record(0, at, b"K", json.dumps({"reference": name}).encode(), (), 0) for at, name in enumerate(names)]


@pytest.fixture
def tries() -> Tries:
    made = Tries()
    made.note("1/0", 2, 503)
    made.note("1/1", 2, 202)
    return made


def test_whole_or_not_at_all(tries):
    assert check_tries(records("1/1", "1/1"), tries)["published_without_answer"] == 0
    assert check_tries(records("1/0", "1/1", "1/0", "1/1"), tries)["published_without_answer"] == 1


@pytest.mark.parametrize("found", [[], ["1/1"], ["1/1"] * 3, ["1/1", "1/1", "1/0"], ["1/1", "1/1", "2/0"]])
def test_faults(tries, found):
    with pytest.raises(AssertionError):
        check_tries(records(*found), tries)
