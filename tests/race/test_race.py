"""A hundred and more races; the long campaign is `make race RACES=n SEED=s`."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.race.campaign import Plan, run
from tests.race.report import table
from tests.race.shelf import MODES

PLAN = Plan(races=150, seed=7, seconds=12)


@pytest.mark.parametrize("mode", MODES)
def test_no_unit_is_sold_twice(run_dir: Path, kafka, postgres, mode: str) -> None:
    result = run(PLAN, mode, run_dir, SimpleNamespace(kafka=kafka, postgres=postgres))
    assert not result.failures(), "\n\n".join([*result.failures(), table([result]), *result.stories])
    # Else the workers had no chance to be wrong.
    assert result.tally["counts overtaken"] and result.verdict.counts["stale answers"]
    assert result.verdict.counts["pairs raised"] and result.done.total()


@pytest.mark.parametrize("mode", MODES)
def test_who_sets_what_was_counted_sells_units_twice(run_dir: Path, mode: str) -> None:
    result = run(PLAN, mode, run_dir)
    assert not result.failures(), "\n".join([*result.failures(), table([result])])
    assert result.verdict.units > PLAN.races / 10
