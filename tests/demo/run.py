"""The demo from beginning to end."""

import sys
import traceback
from dataclasses import dataclass
from typing import Callable

from tests.harness.waiting import Timeout

from . import events, goods
from .flow import Flow
from .progress import Progress
from .stage import Failed, Stage
from .story import complain, tell
from .verdict import judge

BROKERS = {"embedded": "parstock's embedded broker", "kafka": "Apache Kafka"}


@dataclass(frozen=True)
class Options:
    broker: str = "embedded"
    events: int = 20000
    skus: int = 500
    seconds: float = 40.0
    seed: int = 1
    keep: bool = False


def play(options: Options, stage: Stage, before_comparison: Callable[[Stage], None]) -> bool:
    progress = Progress()
    stage.set_up(progress.say)
    story = events.tell(stage.skus, options.events, options.seed)
    stage.start_workers()
    progress.say("workers are ready: parstock apply twice, parstock push once")
    progress.say("(one by one, so that they can be killed; `parstock up` would start them all)")
    flow = Flow(stage, story, options.seconds, progress, options.seed)
    try:
        flow.run()
        failures = stage.stop_workers()
        progress.say("workers have stopped; now the accounts are checked\n")
        before_comparison(stage)
        verdict = judge(stage, story, flow)
    finally:
        flow.close()
    verdict.wrong += failures
    print(tell(story, verdict, flow))
    if verdict.wrong:
        print(f"\n{complain(verdict)}")
    return not verdict.wrong


def run(options: Options, before_comparison: Callable[[Stage], None] = lambda stage: None) -> int:
    """Exit code: 0 only if everything holds."""
    stage = Stage(options.broker, goods.make_skus(options.skus), options.seed)
    print(
        f"For about {options.seconds + 20:.0f} s, {options.events:,} stock changes of {options.skus} goods in "
        f"{len(goods.PLACES)} places flow through {BROKERS[options.broker]} into a shop; two workers are "
        f"killed on the way.\nLogs: {stage.dir}"
    )
    holds = interrupted = False
    try:
        holds = play(options, stage, before_comparison)
    except KeyboardInterrupt:
        interrupted = True
        print("\ninterrupted: everything is being stopped", file=sys.stderr)
    except Exception as failure:  # whatever it is: say it, keep the logs, stop everything
        if not isinstance(failure, (Failed, Timeout)):
            traceback.print_exc()
        print(f"\nThe demo failed: {failure}", file=sys.stderr)
    finally:
        stage.take_down(keep=options.keep or not (holds or interrupted))
    return 130 if interrupted else 0 if holds else 1
