"""Every mutant still fits its source. That each is caught is what `make mutants` proves."""

from dataclasses import replace

import pytest

from tests.chaos.mutants import WAYS, WrongAnchor, edited
from tests.chaos.mutant_table import MUTANTS
from tests.harness.paths import ROOT


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.id)
def test_the_anchor_stands_there_once_and_is_replaced(mutant):
    assert mutant.why and mutant.way in WAYS
    for file, text in edited(mutant).items():
        assert text != (ROOT / file).read_text()


def test_ids_are_unique_and_there_are_enough():
    assert len({mutant.id for mutant in MUTANTS}) == len(MUTANTS) >= 14


@pytest.mark.parametrize("old", ["no such text anywhere", "return"])
def test_a_wrong_anchor_is_an_error(old):
    mutant = replace(MUTANTS[0], edits=((MUTANTS[0].edits[0][0], old, "x"),))
    with pytest.raises(WrongAnchor):
        edited(mutant)
