"""make chaos SECONDS=n SEED=s: `apply` workers killed with SIGKILL, one a second, while events
flow; afterwards everything judged is held against the model, row by row.

Each round kills one of the workers, in turn, and starts another in its place. The run fails
when a fault did not fire, when audit names an offender, or when one row differs.
"""

import argparse
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tests.harness.kafka import ApacheKafka
from tests.harness.postgres import Postgres
from tests.harness.rundir import make_run_dir
from tests.harness.worker import Worker
from tests.model.generate import Plan, generate
from tests.scenarios.stage import Stage

REPEATS = {"repeat": 50, "late_count": 20, "nothing": 5, "wrong_key": 10, "broken": 10}


@dataclass
class Campaign:
    events: int = 100_000
    seconds: int = 60
    workers: int = 3
    seed: int = 1
    skus: int = 5_000


@dataclass
class Outcome:
    events: int
    kills: int
    flow_s: float
    settle_s: float
    outcomes: dict[str, int]
    levels: int

    def __str__(self) -> str:
        return (
            f"{self.events:,} events sent in {self.flow_s:.0f} s, {self.kills} workers killed; "
            f"all judged {self.settle_s:.1f} s after the last kill\n"
            f"outcomes: {', '.join(f'{count:,} {name}' for name, count in self.outcomes.items())}\n"
            f"audit ok; {self.levels:,} levels equal to the model's, row by row: 0 wrong"
        )


def start_worker(stage: Stage, place: int) -> Worker:
    """Static membership: who starts in a dead worker's place is that member for the group, so
    that a kill a second does not keep the group at electing for ever."""
    return stage.worker(PARSTOCK_KAFKA__GROUP_INSTANCE_ID=f"apply-{place}")


def run(stage: Stage, campaign: Campaign, say=print) -> Outcome:
    step_ms = 2
    first_ms = int(time.time() * 1000) - campaign.events * step_ms * 2
    plan = Plan(campaign.events, campaign.seed, skus=campaign.skus, partitions=stage.partitions,
                first_ms=first_ms, step_ms=step_ms, mix=REPEATS)  # fmt: skip
    messages = generate(plan)
    places = [start_worker(stage, place) for place in range(campaign.workers)]
    start, sent, kills = time.monotonic(), 0, 0
    while sent < campaign.events:
        passed = time.monotonic() - start
        due = min(campaign.events, int(campaign.events * passed / campaign.seconds) + 1)
        if due > sent:
            sent += stage.send(message for _, message in zip(range(due - sent), messages))
        if passed > kills + 1:
            place = kills % campaign.workers
            places[place].kill()  # as by a power cut
            places[place] = start_worker(stage, place)
            kills += 1
            if kills % 10 == 0:
                say(f"{passed:4.0f} s  sent {sent:,}  judged {stage.read():,}  killed {kills}")
        time.sleep(0.01)
    stage.flush()
    flow_s, settle = time.monotonic() - start, time.monotonic()
    stage.wait_settled(limit_s=300)
    settle_s = time.monotonic() - settle
    assert kills >= campaign.seconds * 3 // 4, f"only {kills} workers were killed"
    model = stage.check()
    stage.stop()
    return Outcome(sent, kills, flow_s, settle_s, model.outcomes(), len(model.levels()))


def main() -> int:
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    run_dir = make_run_dir()
    print(f"seed {options.seed}; logs in {run_dir}", flush=True)
    campaign = Campaign(options.events, options.seconds, options.workers, options.seed)
    with Postgres(run_dir) as postgres, ApacheKafka(run_dir) as kafka:
        with Stage(kafka, postgres, Path(run_dir)) as stage:
            try:
                print(run(stage.set_up(), campaign, lambda line: print(line, flush=True)))
            except AssertionError as wrong:
                print(f"chaos: {wrong}")
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
