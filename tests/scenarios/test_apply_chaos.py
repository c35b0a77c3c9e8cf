"""A short campaign of kills; the long one is `make chaos`."""

from tests.scenarios.chaos import Campaign, run


def test_killed_workers_lose_and_double_nothing(stage):
    run(stage, Campaign(events=8_000, seconds=8, workers=2, seed=7, skus=300))
