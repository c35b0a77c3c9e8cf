"""One campaign: all races of a run with one writer in one mode, from the first customer to the verdict."""

import signal
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Sequence

from tests.doubles.shop.journal_check import check_lines
from tests.harness.kafka import ApacheKafka
from tests.harness.postgres import Postgres
from tests.harness.process import install_handlers

from .checker import Verdict, check
from .market import Market
from .naive import Naive
from .par import begin_at_par, come_to_par
from .parstock import Parstock
from .play import Play
from .script import script
from .shelf import Race
from .story import Telling, tell
from .weather import Weather

SAY_EVERY_S = 10.0
RACES_A_SECOND, LEAST_S = 40, 30.0


@dataclass(frozen=True)
class Plan:
    races: int = 10_000
    seed: int = 1
    seconds: float = 0.0  # 0: as long as the races need
    stories: int = 2
    cold: bool = False  # the first customers come before the shop's levels were ever read

    @property
    def span(self) -> float:
        return self.seconds or max(LEAST_S, self.races / RACES_A_SECOND)


@dataclass
class Result:
    writer: str
    mode: str
    races: int
    verdict: Verdict
    tally: Counter
    done: Counter  # to the workers
    rounds: list[list[str]] = field(default_factory=list)  # of counts at the end, and what differed after each
    breaches: list[dict] = field(default_factory=list)  # of what the journal promises: keys, writes in flight
    stories: list[str] = field(default_factory=list)

    def failures(self) -> list[str]:
        """Why this campaign has not shown what it should."""
        name = f"{self.writer}, {self.mode}"
        found = [f"{name}: {problem}" for problem in self.verdict.problems[:3]]
        if self.writer == Naive.name:
            if not self.verdict.units:
                found.append(f"{name}: oversold nothing; the races are not hard enough to prove anything")
            return found
        if self.verdict.units:
            found.append(f"{name}: {self.verdict.units} units sold twice in {len(self.verdict.oversold)} races")
        if not self.verdict.counts["pairs raised"]:
            found.append(f"{name}: no write raised a level; who writes nothing sells nothing twice")
        if not self.rounds or self.rounds[-1]:
            behind = self.rounds[-1] if self.rounds else ["no count at the end"]
            found.append(f"{name}: {len(behind)} not at par in the end: {'; '.join(behind[:3])}")
        found += [f"{name}: journal: {breach}" for breach in self.breaches[:3]]
        return found


class Servers:
    """A broker and a database for the campaigns that need them."""

    def __init__(self, run_dir: Path):
        self.kafka, self.postgres = ApacheKafka(run_dir), Postgres(run_dir)

    def __enter__(self) -> "Servers":
        self.postgres.start()
        self.kafka.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.kafka.kill()  # nothing of it is wanted any more
        self.postgres.stop_immediate()


class Ticker:
    """What happens between two turns: trouble, and a line now and then for whoever watches."""

    def __init__(self, parts: Sequence[Any], tally: Counter, say: Callable[[str], None]):
        self._parts, self._tally, self._say, self._due = parts, tally, say, 0.0

    def __call__(self, now: float) -> None:
        for part in self._parts:
            part.tick()
        if now >= self._due:
            self._due = now + SAY_EVERY_S
            self._say(f"{now:5.0f} s  {self._tally['counts']:,} counts, {self._tally['buys']:,} tried to buy,"
                      f" {self._tally['orders']:,} orders and cancellations")  # fmt: skip


def hear_signals() -> None:
    """Every signal that ends us ends what was started too, also in a shell's background job."""
    install_handlers()
    signal.signal(signal.SIGINT, signal.default_int_handler)


def run(plan: Plan, mode: str, run_dir: Path, servers: Any = None, say: Callable[[str], None] = print) -> Result:
    """`servers` (kafka, postgres): with parstock on them; none: with the naive writer."""
    races = [Race(script(plan.seed, number, plan.span)) for number in range(plan.races)]
    writer_name = Parstock.name if servers else Naive.name
    with ExitStack() as stack:
        market = stack.enter_context(Market(run_dir, f"shop-{writer_name}-{mode}"))
        market.open(races)
        writer: Any = Naive(market, mode)
        if servers:
            writer = Parstock(market, mode, servers.kafka, servers.postgres, run_dir, plan.seed)
        stack.callback(writer.stop)
        return _compete(plan, mode, races, market, writer, say)


def _compete(plan: Plan, mode: str, races: list[Race], market: Market, writer: Any, say) -> Result:
    writer.start()
    if isinstance(writer, Parstock) and not plan.cold:
        begin_at_par(races, mode, writer, market)
    weather = Weather(market.client, plan.seed)
    play = Play(races, market, writer.take, mode, plan.seed)
    play.run(Ticker([weather, writer], play.tally, say))
    weather.clear()
    writer.clear()
    say("the last customer has gone")
    rounds = come_to_par(races, mode, writer, market) if isinstance(writer, Parstock) else []
    writer.stop()
    verdict = check(market.journal())
    result = Result(writer.name, mode, len(races), verdict, play.tally, writer.done, rounds)
    if isinstance(writer, Parstock):
        with open(market.shop.state_dir / "journal.jsonl", "rb") as lines:
            result.breaches = check_lines(lines).violations
        result.stories = _stories(plan, races, market, verdict)
    return result


def _stories(plan: Plan, races: list[Race], market: Market, verdict: Verdict) -> list[str]:
    by_pair = {market.pair(race): race for race in races}
    worst = [*verdict.oversold.most_common(), *verdict.shown.most_common()]
    chosen = list(dict.fromkeys(pair for pair, _ in worst))[: plan.stories]
    tellings = {pair: Telling(by_pair[pair].sku, by_pair[pair].told) for pair in chosen}
    return tell(market.journal(), tellings) if chosen else []
