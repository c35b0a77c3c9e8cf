"""The table of faults, and what each did to the run.

A fault is injected in its lane; each lane has at most one at a time, so that a worker may die
while the database restarts. Nothing here waits long: the other lane has to go on. `inject` gives
what `heal` and `hit` need; `hit` says, once all is over, whether the fault took effect: from what
was seen on the spot, or from the history.
"""

import random
import signal
import time
from dataclasses import dataclass, field
from typing import Callable, Iterable

from tests.harness.ports import listens

from .history import Change, Injury
from .world import PLACES, SESSION_MS, Place, Scene

SESSION_S = SESSION_MS / 1000
PATIENCE_S = 15.0  # with a worker that was asked to end


@dataclass
class Wound:
    """A fault under way."""

    place: Place | None = None
    seen: bool | None = None  # took effect as far as could be seen on the spot
    leaving: bool = False
    since: float = field(default_factory=time.monotonic)
    ways: list[str] = field(default_factory=list)

    @property
    def whom(self) -> str:
        return self.place.user if self.place else ",".join(self.ways) or "all"


@dataclass(frozen=True)
class Fault:
    name: str
    lane: str
    weight: int
    lasts: tuple[float, float]  # seconds, least and most
    inject: Callable[[Scene, random.Random], Wound | None]  # None: nobody to be hit just now
    heal: Callable[[Scene, Wound], bool | None]  # False: not yet, ask again
    hit: Callable[["Past", Injury], bool]


# ---- workers --------------------------------------------------------------------------------


def _awake(scene: Scene, rng: random.Random) -> Place | None:
    """One of those at work, and rather one that owns something."""
    places = [p for p in scene.holders() if p.awake] or [p for p in scene.places if p.awake]
    return rng.choice(places) if places else None


def kill(scene: Scene, rng: random.Random) -> Wound | None:
    place = _awake(scene, rng)
    if place is None:
        return None
    place.worker.kill()
    return Wound(place, True)


def start_again(_scene: Scene, wound: Wound) -> None:
    wound.place.start()


def pause(scene: Scene, rng: random.Random) -> Wound | None:
    place = _awake(scene, rng)
    return Wound(place, place.pause()) if place else None


def resume(_scene: Scene, wound: Wound) -> None:
    wound.place.resume()


def ask_to_end(scene: Scene, rng: random.Random) -> Wound | None:
    place = _awake(scene, rng)
    if place is None:
        return None
    place.worker.child.send(signal.SIGTERM)
    return Wound(place, True)


def _ended(wound: Wound) -> bool:
    """It may take its time, above all while a server is away; it is not waited for without end."""
    place, late = wound.place, time.monotonic() > wound.since + PATIENCE_S
    if place.worker.running and not late:
        return False
    place.end()
    wound.seen = place.exits[-1] == 0
    return True


def start_after_end(_scene: Scene, wound: Wound) -> bool:
    if not _ended(wound):
        return False
    wound.place.start()
    return True


def join(scene: Scene, rng: random.Random) -> Wound | None:
    idle = [p for p in scene.places[scene.base : PLACES] if not p.worker.running]
    if not idle:
        return None
    place = rng.choice(idle)
    place.start()
    return Wound(place, True)


def leave(_scene: Scene, wound: Wound) -> bool:
    if wound.leaving is False:
        wound.leaving, wound.since = True, time.monotonic()
        wound.place.worker.child.send(signal.SIGTERM)
    return _ended(wound)


# ---- servers ---------------------------------------------------------------------------------


def _ways(scene: Scene, kind: str = "") -> list[str]:
    """Of everyone who runs."""
    return [w for p in scene.places if p.worker.running for w in p.ways if kind in w]


def kill_broker(scene: Scene, _rng: random.Random) -> Wound:
    used = scene.world.proxy.stats(_ways(scene, "kafka"))["open"]
    scene.world.kafka.kill()
    return Wound(seen=used > 0 and not scene.world.kafka.running)


def start_broker(scene: Scene, _wound: Wound) -> bool:
    scene.world.kafka.launch()
    return listens(scene.world.kafka.port) and scene.world.kafka.answers()


def stop_postgres(scene: Scene, _rng: random.Random) -> Wound:
    used = scene.world.proxy.stats(_ways(scene, "postgres"))["open"]
    scene.world.postgres.stop_immediate()
    return Wound(seen=used > 0 and not scene.world.postgres.running)


def start_postgres(scene: Scene, _wound: Wound) -> None:
    scene.world.postgres.start()


# ---- the network -----------------------------------------------------------------------------


def _some_ways(scene: Scene, rng: random.Random) -> list[str]:
    """Everyone's to one server, or one worker's to one or to both."""
    if rng.random() < 0.3:
        return _ways(scene, rng.choice(("kafka", "postgres")))
    place = _awake(scene, rng)
    if place is None:
        return _ways(scene)
    return place.ways if rng.random() < 0.5 else [rng.choice(place.ways)]


def cut(scene: Scene, rng: random.Random) -> Wound:
    ways = _some_ways(scene, rng)
    return Wound(ways=ways, seen=scene.world.proxy.cut(ways) > 0)


def nothing(_scene: Scene, _wound: Wound) -> None:
    """Whoever was cut off connects again by itself."""


def slow(scene: Scene, rng: random.Random) -> Wound:
    ways = _some_ways(scene, rng)
    before = scene.world.proxy.stats(ways)["late"]
    scene.world.proxy.late(ways, rng.choice((5, 20, 80, 250)))
    return Wound(ways=ways, seen=before)


def fast(scene: Scene, wound: Wound) -> None:
    scene.world.proxy.late(wound.ways, 0)
    wound.seen = scene.world.proxy.stats(wound.ways)["late"] > wound.seen


def swallow(scene: Scene, rng: random.Random) -> Wound:
    ways = _some_ways(scene, rng)
    before = scene.world.proxy.stats(ways)["held"]
    scene.world.proxy.hole(ways, True)
    return Wound(ways=ways, seen=before)


def let_pass(scene: Scene, wound: Wound) -> None:
    wound.seen = scene.world.proxy.stats(wound.ways)["held"] > wound.seen
    scene.world.proxy.hole(wound.ways, False)


# ---- did it take effect? ---------------------------------------------------------------------


class Past:
    """Who held which partition when, from the log of `progress`."""

    def __init__(self, changes: Iterable[Change]):
        self.takes = [c for c in changes if c.is_take]

    def held(self, who: str, at: float) -> set[int]:
        holder: dict[int, str] = {}
        for take in self.takes:
            if take.at > at:
                break
            holder[take.partition] = take.who
        return {partition for partition, name in holder.items() if name == who}

    def taken(self, since: float, until: float) -> list[Change]:
        return [t for t in self.takes if since < t.at <= until]


def seen(_past: Past, injury: Injury) -> bool:
    return bool(injury.hit)


def was_holding(past: Past, injury: Injury) -> bool:
    return bool(injury.hit) and bool(past.held(injury.place, injury.began))


def lost_its_partitions(past: Past, injury: Injury) -> bool:
    """While it slept, somebody else took a partition that it held."""
    held = past.held(injury.place, injury.began)
    others = {t.partition for t in past.taken(injury.began, injury.healed) if t.who != injury.place}
    return bool(injury.hit) and bool(held & others)


def got_partitions(past: Past, injury: Injury) -> bool:
    taken = past.taken(injury.began, injury.healed)
    return bool(injury.hit) and any(t.who == injury.place for t in taken)


# ---- the table -------------------------------------------------------------------------------

FAULTS = (
    Fault("worker SIGKILL", "workers", 40, (0.0, 0.3), kill, start_again, was_holding),
    Fault("worker SIGKILL, away past the session", "workers", 6, (SESSION_S + 1, SESSION_S + 3),
          kill, start_again, lost_its_partitions),
    Fault("short pause", "workers", 25, (0.1, 1.5), pause, resume, was_holding),
    Fault("zombie: pause past the session", "workers", 12, (SESSION_S + 1.5, SESSION_S + 5),
          pause, resume, lost_its_partitions),
    Fault("planned restart", "workers", 6, (0.0, 1.5), ask_to_end, start_after_end, was_holding),
    Fault("worker joins and leaves", "workers", 6, (4.0, 8.0), join, leave, got_partitions),
    Fault("broker SIGKILL", "servers", 5, (0.3, 2.0), kill_broker, start_broker, seen),
    Fault("Postgres immediate stop", "servers", 8, (0.2, 2.0), stop_postgres, start_postgres, seen),
    Fault("connections cut", "servers", 14, (0.0, 0.1), cut, nothing, seen),
    Fault("added latency", "servers", 8, (2.0, 6.0), slow, fast, seen),
    Fault("black hole", "servers", 10, (1.0, SESSION_S + 4), swallow, let_pass, seen),
)  # fmt: skip
LANES = tuple(dict.fromkeys(fault.lane for fault in FAULTS))
