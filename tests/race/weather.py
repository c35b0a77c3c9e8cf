"""What goes wrong meanwhile: answers of the shop, and the processes that talk to it. Picked by seed."""

import random
import time
from collections import Counter
from typing import Any, Callable, Sequence

from tests.doubles.shop_client import ShopClient
from tests.harness.worker import Worker

SET = "inventorySetQuantities"
# Half of the calls are slow; one write in ten, and one read in twenty, has worse luck.
FAULTS: tuple[dict[str, Any], ...] = (
    {"fault": "delay", "ms": 50, "probability": 0.5},
    {"fault": "late", "ms": 200, "probability": 0.1},
    # Longer than anyone waits for the answer: the shop goes on, and applies it then.
    {"fault": "delay", "ms": 2500, "probability": 0.01, "ops": [SET]},
    {"fault": "drop_after_apply", "probability": 0.03, "ops": [SET]},
    {"fault": "drop_before_apply", "probability": 0.01},
    {"fault": "truncated", "probability": 0.01},
    {"fault": "status_5xx", "probability": 0.01},
    {"fault": "status_5xx", "status": 502, "when": "after", "probability": 0.01},
    {"fault": "html", "when": "after", "probability": 0.01},
    {"fault": "hang", "seconds": 3, "when": "after", "probability": 0.005},
    {"fault": "hang", "seconds": 3, "when": "before", "probability": 0.005},
    {"fault": "status_429", "retry_after": 1, "probability": 0.01},
    {"fault": "throttled", "probability": 0.02},
)
# What is not known of the real shop, either way.
MOODS: dict[str, Sequence[str]] = {
    "stale_mode": ("all_or_nothing", "all_or_nothing", "partial"),
    "stale_field": ("path", "path", "null"),
    "replay": ("success", "success", "stale"),
}
MOOD_S, TROUBLE_S = (4.0, 12.0), (2.0, 7.0)
ASLEEP_S = 6.5  # longer than a lease, or a member's session


class Weather:
    """The shop's faults, and its mood, which changes."""

    def __init__(self, client: ShopClient, seed: int):
        self._client, self._dice, self._due = client, random.Random(f"weather {seed}"), 0.0

    def tick(self) -> None:
        if time.monotonic() < self._due:
            return
        self._due = time.monotonic() + self._dice.uniform(*MOOD_S)
        self._client.control("config", {name: self._dice.choice(values) for name, values in MOODS.items()})
        self._client.control("faults", {"seed": self._dice.randrange(1 << 30), "rules": list(FAULTS)})

    def clear(self) -> None:
        self._client.control("faults", {})


class Nemesis:
    """Kills a worker, which is started again at once, or lets one sleep until another one has its work."""

    def __init__(self, workers: Sequence[Worker], seed: int):
        self._workers, self._dice = workers, random.Random(f"nemesis {seed}")
        self._due = time.monotonic() + self._dice.uniform(*TROUBLE_S)
        self._sleeper: Worker | None = None
        self._wakes = 0.0
        self.done: Counter = Counter()

    def tick(self) -> None:
        now = time.monotonic()
        if self._sleeper is not None and now >= self._wakes:
            self._wake()
        if now >= self._due:
            self._due = now + self._dice.uniform(*TROUBLE_S)
            deed: Callable[[Worker], None] = self._kill if self._dice.random() < 0.7 else self._sleep
            deed(self._dice.choice([worker for worker in self._workers if worker is not self._sleeper]))

    def _kill(self, worker: Worker) -> None:
        worker.kill()
        worker.start()
        self.done[f"{worker.command} killed"] += 1

    def _sleep(self, worker: Worker) -> None:
        if self._sleeper is not None:
            return
        worker.pause()
        self._sleeper, self._wakes = worker, time.monotonic() + ASLEEP_S
        self.done[f"{worker.command} asleep"] += 1

    def _wake(self) -> None:
        assert self._sleeper is not None
        self._sleeper.resume()
        self._sleeper = None

    def clear(self) -> None:
        if self._sleeper is not None:
            self._wake()
