"""Whoever picks the next fault. The picks follow from the seed; the moments follow the machine."""

import random
import time
from dataclasses import replace
from typing import Callable, Iterable, Sequence

from tests.harness.waiting import wait_until

from .faults import FAULTS, Fault, Wound
from .history import Injury
from .world import Scene

TURN_S = 0.02


class Lane:
    """One fault after the other, with a calm moment between two."""

    def __init__(self, name: str, scene: Scene, faults: Sequence[Fault], seed: int,
                 calm: tuple[float, float] = (0.3, 2.0)):  # fmt: skip
        self._calm_s = calm
        self._scene, self._rng = scene, random.Random(f"{seed} {name}")
        self._faults = [f for f in faults if f.lane == name]
        self._weights = [f.weight for f in self._faults]
        self._under_way: tuple[Fault, Wound, float] | None = None
        self._due = time.monotonic() + self._rng.uniform(*calm)
        self.injuries: list[Injury] = []

    def turn(self) -> None:
        if time.monotonic() < self._due:
            return
        if self._under_way is not None:
            self.heal()
        elif self._faults:
            self._begin()

    def _begin(self) -> None:
        fault = self._rng.choices(self._faults, self._weights)[0]
        lasts = self._rng.uniform(*fault.lasts)
        began = time.time()
        wound = fault.inject(self._scene, self._rng)
        if wound is None:
            self._calm()
            return
        self._under_way = (fault, wound, began)
        self._due = time.monotonic() + lasts

    @property
    def busy(self) -> bool:
        return self._under_way is not None

    def heal(self) -> None:
        fault, wound, began = self._under_way
        if fault.heal(self._scene, wound) is False:
            return
        self._under_way = None
        self.injuries.append(Injury(fault.name, wound.whom, began, time.time(), wound.seen))
        self._scene.note(self.injuries[-1])
        self._calm()

    def _calm(self) -> None:
        self._due = time.monotonic() + self._rng.uniform(*self._calm_s)


def _heal_all(lanes: Iterable[Lane]) -> None:
    for lane in lanes:
        while lane.busy:
            lane.heal()
            time.sleep(TURN_S)


def torment(scene: Scene, seconds: float, seed: int, tick: Callable[[], None],
            faults: Sequence[Fault] = FAULTS) -> list[Injury]:
    """`tick` is called between turns. Everything is healed at the end, also on the way out."""
    names = dict.fromkeys(fault.lane for fault in faults)
    lanes = [Lane(name, scene, faults, seed) for name in names]
    end = time.monotonic() + seconds
    try:
        while time.monotonic() < end:
            for lane in lanes:
                lane.turn()
            tick()
            time.sleep(TURN_S)
    finally:
        _heal_all(reversed(lanes))  # servers first: workers need them
    return sorted((i for lane in lanes for i in lane.injuries), key=lambda i: i.began)


def tour(scene: Scene, seed: int, tick: Callable[[], None],
         faults: Sequence[Fault] = FAULTS) -> list[Injury]:
    """Every kind once, one after the other, each on workers that all have something to lose."""
    injuries = []
    for fault in faults:
        fault = replace(fault, lasts=(fault.lasts[0], sum(fault.lasts) / 2))
        wait_until(scene.all_at_work, "every worker to be at work", 60, every_s=0.1)
        lane = Lane(fault.lane, scene, [fault], seed, calm=(0.1, 0.3))
        try:
            while not lane.injuries:
                lane.turn()
                tick()
                time.sleep(TURN_S)
        finally:
            _heal_all([lane])
        injuries += lane.injuries
    return injuries
