"""The events of the demo, in the order in which they are sent: good ones and what goes wrong in real life.

Everything follows from the seed and the moment the story is set in. Each event says what it is (`kind`), and
a good one carries the fact it reports, from which tests/demo/expected.py works out what the shop should show.
"""

import json
import random
from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

from .broken import BROKEN
from .goods import PLACES, Pair, is_steady, misspell

# Which sources speak of a pair, and in how many of a hundred pairs.
WHO_SPEAKS = ((("wms", "erp"), 60), (("wms",), 25), (("erp",), 12), ((), 3))
STEP = timedelta(milliseconds=150)
MISSPELLED, WRONG_KEY, RETRY, LATE, BAD = 0.20, 0.03, 0.05, 0.04, 0.02
HOT_PAIRS, HOT = 12, 0.2
SUITORS = 200


@dataclass(frozen=True)
class Fact:
    """What a good event says, freed of its spelling."""

    source: str
    id: str
    pair: Pair
    absolute: bool
    quantity: int
    when: datetime


@dataclass(frozen=True)
class Send:
    key: bytes | None
    value: bytes | None
    kind: str
    fact: Fact | None = None
    reason: str | None = None  # the code that a broken one should get
    rekeyed: bool = False


@dataclass
class Voice:
    """What one source last said of one pair."""

    source: str
    pair: Pair
    level: int = 0
    counted_at: datetime | None = None
    earlier_at: datetime | None = None
    version: int = 10


@dataclass
class Story:
    sends: list[Send] = field(default_factory=list)
    kinds: Counter = field(default_factory=Counter)
    reasons: Counter = field(default_factory=Counter)

    def add(self, send: Send) -> None:
        self.sends.append(send)
        self.kinds[send.kind] += 1
        if send.reason:
            self.reasons[send.reason] += 1


class Teller:
    """Makes up `count` events; what is random is random from the seed."""

    def __init__(self, skus: list[str], count: int, seed: int, now: datetime):
        self._skus, self._count = skus, count
        self._dice = random.Random(seed)
        self._clock = now - timedelta(minutes=10) - STEP * count
        self._now = now
        self._number = 0
        self._recent: deque[Send] = deque(maxlen=300)
        self._voices: list[Voice] = []
        self._broken = deque(BROKEN)
        self.story = Story()

    def tell(self) -> Story:
        self._cast()
        self._opening()
        while len(self.story.sends) < self._count:
            self._one()
        return self.story

    # ---- who speaks ----------------------------------------------------------------------------

    def _cast(self) -> None:
        parts, weights = zip(*WHO_SPEAKS)
        for sku in self._skus:
            for place in PLACES:
                pair = Pair(sku, place)
                sources = self._dice.choices(parts, weights)[0]
                self._voices += [Voice(source, pair) for source in sources]
        self._speaking = {(voice.source, voice.pair) for voice in self._voices}
        self._hot = self._dice.sample(self._voices, HOT_PAIRS)

    def _opening(self) -> None:
        """Every voice begins with a count."""
        for voice in self._dice.sample(self._voices, len(self._voices)):
            if len(self.story.sends) < self._count:
                self._count_shelf(voice, self._dice.randint(0, 120))

    # ---- one event -----------------------------------------------------------------------------

    def _one(self) -> None:
        chance = self._dice.random()
        voice = self._dice.choice(self._hot if self._dice.random() < HOT else self._voices)
        if chance < RETRY:
            self._retry()
        elif chance < RETRY + LATE:
            self._late(voice)
        elif chance < RETRY + LATE + BAD:
            self._bad()
        elif chance < 0.5:
            same = self._dice.random() < 0.3
            drift = 0 if same else self._dice.randint(-6, 6)
            self._count_shelf(voice, max(0, voice.level + drift))
        else:
            sold = self._dice.random() < 0.85
            self._move(voice, -self._dice.randint(1, 5) if sold else self._dice.randint(10, 40))

    def _tick(self) -> datetime:
        self._clock += STEP
        return self._clock

    def _new_id(self, voice: Voice) -> str:
        self._number += 1
        return f"{voice.source}-{self._number:06d}"

    def _count_shelf(self, voice: Voice, quantity: int) -> None:
        voice.earlier_at, voice.counted_at = voice.counted_at, self._tick()
        voice.version += 1
        voice.level = quantity
        self._say("count", voice, quantity, voice.counted_at, version=voice.version)

    def _move(self, voice: Voice, quantity: int) -> None:
        voice.level += quantity
        self._say("adjustment", voice, quantity, self._tick())

    def _late(self, voice: Voice) -> None:
        """Overtaken on its way: it tells of a time before the last count."""
        if voice.earlier_at is None:
            return
        when = voice.earlier_at - timedelta(milliseconds=self._dice.randint(1, 60000))
        if self._dice.random() < 0.5:
            self._say("late", voice, self._dice.randint(0, 120), when, version=voice.version - 1)
        else:
            self._say("late", voice, -1, when)

    def _retry(self) -> None:
        """A producer that got no answer sends the same bytes once more."""
        if self._recent:
            again = self._dice.choice(self._recent)
            self.story.add(Send(again.key, again.value, "retry", again.fact, rekeyed=again.rekeyed))

    def _bad(self) -> None:
        """Each way to be broken in turn; some need a voice that suits them."""
        broken = self._broken[0]
        self._broken.rotate(-1)
        for _ in range(SUITORS):
            made = broken.make(self, self._dice.choice(self._voices))
            if made is not None:
                key, value = made
                self.story.add(Send(key, value, "broken", reason=broken.reason))
                return

    # ---- its bytes -------------------------------------------------------------------------------

    def fields(self, voice: Voice, **others) -> dict:
        """A good event of this voice; `others` change it, None takes a field out."""
        self._number += 1
        place = self._dice.choice(PLACES[voice.pair.place])
        plain = {
            "type": "stock.counted",
            "source": voice.source,
            "id": f"{voice.source}-bad-{self._number:06d}",
            "sku": voice.pair.sku,
            "location": place,
            "quantity": 5,
            "occurred_at": self._clock.isoformat(),
        }
        return {k: v for k, v in (plain | others).items() if v is not None}

    def key_of(self, voice: Voice) -> bytes:
        return voice.pair.sku.encode()

    @property
    def now(self) -> datetime:
        return self._now

    def speaks(self, source: str, pair: Pair) -> bool:
        return (source, pair) in self._speaking

    def is_steady(self, voice: Voice) -> bool:
        return is_steady(voice.pair.sku, self._skus)

    def earlier_send(self) -> Send | None:
        """One that surely was judged before whatever is sent from now on."""
        steady = [s for s in self._recent if not s.rekeyed and s.fact]
        return self._dice.choice(steady) if steady else None

    def _say(self, kind: str, voice: Voice, quantity: int, when: datetime, version=None) -> None:
        sku = voice.pair.sku
        raw = misspell(sku, self._dice) if self._dice.random() < MISSPELLED else sku
        event_id = self._new_id(voice)
        value = self.fields(
            voice,
            type="stock.adjusted" if version is None else "stock.counted",
            id=event_id,
            sku=raw,
            quantity=quantity,
            occurred_at=when.isoformat(),
            # The ERP keeps no counter of its own.
            version=version if voice.source == "wms" else None,
        )
        key, rekeyed = self._key(raw, voice)
        fact = Fact(voice.source, event_id, voice.pair, version is not None, quantity, when)
        send = Send(key, json.dumps(value, ensure_ascii=False).encode(), kind, fact, rekeyed=rekeyed)
        self._recent.append(send)
        self.story.add(send)

    def _key(self, raw: str, voice: Voice) -> tuple[bytes | None, bool]:
        """Mostly the right one. Wrong: the spelling of the feed, the location, none at all."""
        right = self.key_of(voice)
        if self.is_steady(voice) or self._dice.random() >= WRONG_KEY:
            return right, False
        wrong = [key for key in (raw.encode(), voice.pair.place.encode()) if key != right]
        return self._dice.choice([*wrong, None]), True


def tell(skus: list[str], count: int, seed: int) -> Story:
    return Teller(skus, count, seed, datetime.now(timezone.utc)).tell()
