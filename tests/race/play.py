"""All races at once: what is due is done, one kind after the other in random order, until nothing is left."""

import heapq
import itertools
import random
import time
from collections import Counter, defaultdict
from typing import Any, Callable, Sequence

from . import events
from .events import Event
from .market import Market
from .script import Step
from .shelf import Count, Order, Race

TICK_S = 0.02

Steps = list[tuple[Race, Step]]


def now_us() -> int:
    return time.time_ns() // 1000


class Play:
    def __init__(self, races: Sequence[Race], market: Market, take: Callable[[Event], None], mode: str, seed: int):
        self._market, self._take, self._mode = market, take, mode
        self._dice = random.Random(f"play {seed}")
        self._numbers = itertools.count()
        self._heap: list[tuple[float, int, str, Race, Any]] = []
        self._began = time.monotonic()
        self.tally: Counter = Counter()
        for race in races:
            for step in race.script.steps:
                self._push(step.at, step.kind, race, step)

    def run(self, tick: Callable[[float], None]) -> None:
        self._began = time.monotonic()
        while self._heap:
            tick(self._now())
            self._turn()
            time.sleep(TICK_S)

    def _now(self) -> float:
        return time.monotonic() - self._began

    def _push(self, at: float, kind: str, race: Race, what: Any) -> None:
        heapq.heappush(self._heap, (at, next(self._numbers), kind, race, what))

    def _turn(self) -> None:
        now, due = self._now(), defaultdict(list)
        while self._heap and self._heap[0][0] <= now:
            _, _, kind, race, what = heapq.heappop(self._heap)
            due[kind].append((race, what))
        kinds = list(due)
        self._dice.shuffle(kinds)
        for kind in kinds:
            getattr(self, f"_{kind}")(due[kind])

    # Each kind of step

    def _receive(self, due: Steps) -> None:
        self._market.receive([(race, step.units) for race, step in due])
        for race, step in due:
            race.received += step.units
            race.told.append((now_us(), f"{step.units} come to the shelf"))
        self.tally["receipts"] += len(due)

    def _buy(self, due: Steps) -> None:
        answers = self._market.buy([(race, step.units) for race, step in due])
        self.tally["buys"] += len(due)
        for (_, step), (race, units, at) in zip(due, answers, strict=True):
            if at is not None:
                self._later(race, step, events.ordered(race, race.buy(units, at)))

    def _cancel(self, due: Steps) -> None:
        for race, step, order, at in self._on_open_orders("cancel", due):
            order.cancelled = at
            self._later(race, step, events.cancelled(race, order))

    def _ship(self, due: Steps) -> None:
        for _race, _step, order, at in self._on_open_orders("fulfil", due):
            order.shipped = at

    def _on_open_orders(self, action: str, due: Steps) -> list[tuple[Race, Step, Order, int]]:
        """Two steps of a race that are due at once could pick the same order: the second has none."""
        picked: dict[str, tuple[Race, Step, Order]] = {}
        for race, step in due:
            order = race.pick_open(step.pick)
            if order is not None:
                picked.setdefault(race.sku, (race, step, order))
        chosen = list(picked.values())
        times = self._market.move(action, [(race, order.units) for race, _, order in chosen])
        return [(*one, at) for one, at in zip(chosen, times, strict=True)]

    def _count(self, due: Steps) -> None:
        for race, step in due:
            count = race.count(self._mode, now_us(), round(step.lag * 1e6))
            race.told.append((count.taken, f"{count.id} taken: {count.quantity}, {_seen(count)}"))
            self._later(race, step, events.counted(race, count))

    # Who is told of it, and when

    def _later(self, race: Race, step: Step, event: Event) -> None:
        kind = "counts" if event.count else "orders"
        self.tally[kind] += 1
        self.tally[f"{kind} never told"] += not step.tells
        for delay in step.tells:
            self._push(self._now() + delay, "tell", race, event)

    def _tell(self, due: list[tuple[Race, Event]]) -> None:
        for race, event in due:
            self.tally["told"] += 1
            if event.count is not None:
                self.tally["counts overtaken"] += race.is_overtaken(self._mode, event.count)
            race.told.append((now_us(), f"told: {event.words}"))
            self._take(event)


def _seen(count: Count) -> str:
    lag = (count.taken - count.sees_until) / 1e6
    return f"saw all until {lag:.3f} s before" + ("" if count.says == count.sees_until else ", and does not say so")
