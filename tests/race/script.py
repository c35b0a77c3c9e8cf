"""What happens in one race, from (seed, number) alone: when stock comes, who buys, what is counted, who is told late.

A step says what is tried, not what comes of it: whether a customer gets a unit depends on what the shop shows at
that moment. Times are seconds after the start; delays are seconds, whatever the length of the run.
"""

import random
from dataclasses import dataclass
from operator import attrgetter

ORDER_LAG_S = 3.0  # of the source in the contract: what a count without a watermark may lack
LONG_LAG_S = 8.0  # what a count may lack that says so itself
LATEST_TELL_S = 8.0
LOST, TWICE, RETOLD = 0.10, 0.15, 0.05
UNITS = (1, 1, 1, 2, 3)


@dataclass(frozen=True, slots=True)
class Step:
    at: float
    kind: str  # receive, buy, cancel, ship, count
    units: int = 0  # receive, buy
    pick: float = 0.0  # cancel, ship: which of the open orders, from 0 to 1
    lag: float = 0.0  # count: how long before it the source saw its last order
    tells: tuple[float, ...] = ()  # delays after which parstock is told of it; none: never


@dataclass(frozen=True)
class Script:
    number: int
    stock: int  # on the shelf at the start
    shown: int  # in the shop at the start
    says_watermark: bool
    steps: tuple[Step, ...]

    @property
    def sku(self) -> str:
        return f"RACE-{self.number:05}"


@dataclass(frozen=True)
class Window:
    """Around a count: when what happens is not in it, or not in all that was told before it is pushed."""

    begin: float
    end: float


class Writer:
    """Makes one script; everything comes from its dice, in one order."""

    def __init__(self, seed: int, number: int, span: float):
        self._dice, self._number, self._span = random.Random(f"{seed}/{number}"), number, span
        self._steps: list[Step] = []
        self._windows: list[Window] = []

    def write(self) -> Script:
        stock, says_watermark = self._dice.randrange(7), self._dice.random() < 0.5
        self._counts(LONG_LAG_S if says_watermark else ORDER_LAG_S)
        supply = stock + self._receipts()
        self._buys(int(supply * self._dice.uniform(1.0, 2.2)) + 2)
        self._on_open_orders("cancel", self._dice.choice((0, 0, 1, 1, 2)))
        self._on_open_orders("ship", self._dice.randrange(5))
        shown = stock if self._dice.random() < 0.8 else 0
        steps = tuple(sorted(self._steps, key=attrgetter("at")))
        return Script(self._number, stock, shown, says_watermark, steps)

    def _anywhere(self) -> float:
        return self._dice.uniform(0, self._span)

    def _near_a_count(self) -> float:
        window = self._dice.choice(self._windows)
        return min(self._dice.uniform(window.begin, window.end), self._span)

    def _sometimes_near(self, share: float) -> float:
        return self._near_a_count() if self._dice.random() < share else self._anywhere()

    def _delay(self) -> float:
        """Mostly soon, now and then very late."""
        kind = self._dice.random()
        if kind < 0.3:
            return 0.0
        return self._dice.uniform(0, 3) if kind < 0.9 else self._dice.uniform(3, LATEST_TELL_S)

    def _counts(self, longest_lag: float) -> None:
        for _ in range(self._dice.randint(4, 7)):
            at, lag = self._anywhere(), 0.0
            if self._dice.random() < 0.7:
                lag = self._dice.uniform(0, longest_lag)
            tells = [self._delay()]
            if self._dice.random() < RETOLD:
                tells.append(tells[0] + self._delay())
            self._steps.append(Step(at, "count", lag=lag, tells=tuple(tells)))
            self._windows.append(Window(max(0.0, at - lag), at + tells[0] + 1.0))

    def _receipts(self) -> int:
        came = [self._dice.randint(1, 5) for _ in range(self._dice.randrange(4))]
        self._steps += [Step(self._anywhere(), "receive", units=units) for units in came]
        return sum(came)

    def _buys(self, wanted: int) -> None:
        while wanted > 0:
            units = self._dice.choice(UNITS)
            at = self._sometimes_near(0.6)
            self._steps.append(Step(at, "buy", units=units, tells=self._told()))
            wanted -= units

    def _on_open_orders(self, kind: str, count: int) -> None:
        for _ in range(count):
            at, pick = self._sometimes_near(0.6), self._dice.random()
            self._steps.append(Step(at, kind, pick=pick, tells=self._told()))

    def _told(self) -> tuple[float, ...]:
        """Of an order or a cancellation: late, sometimes twice, sometimes never."""
        first = self._dice.uniform(0.05, 4)
        kind = self._dice.random()
        if kind < LOST:
            return ()
        return (first, first + self._dice.uniform(0, 4)) if kind < LOST + TWICE else (first,)


def script(seed: int, number: int, span: float) -> Script:
    return Writer(seed, number, span).write()
