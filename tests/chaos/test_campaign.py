"""Every kind of fault once against `apply`; the long campaign is `make chaos MINUTES=n SEED=s`."""

from tests.chaos.campaign import Plan, run
from tests.chaos.world import World


def test_no_fault_loses_doubles_or_reorders_anything(run_dir):
    plan = Plan(seconds=40, seed=7, rate=800, skus=400, settle_s=120, once_each=True)
    with World(run_dir) as world:
        result = run(world, plan, say=print)
    assert result.ok, str(result)
    assert not result.idle_faults(), f"took no effect: {result.idle_faults()}\n{result}"
