"""The outcome table by hand: short stories of one SKU each, with what must come of every step.

Moments are minutes before the story is told (`ago`). Nothing here is computed.
"""

import json
from dataclasses import dataclass, field
from datetime import datetime, timezone

from .generate import DAY_MS, MINUTE_MS, Message
from .murmur2 import partition_of

DAY = DAY_MS // MINUTE_MS


@dataclass(frozen=True)
class Step:
    fields: dict
    outcome: str
    reason: str = ""
    level: tuple | None = None  # (source, quantity) that rules at this location afterwards
    key: bytes | None = b"*"  # b"*": the right one
    wrong_partition: bool = False
    headers: tuple = field(default=())


def counted(quantity, outcome, ago=10, level=None, reason="", **more) -> Step:
    fields = {"type": "stock.counted", "source": "wms", "quantity": quantity, "ago": ago} | more
    return Step(fields, outcome, reason, level)


def adjusted(quantity, outcome, ago=5, level=None, reason="", **more) -> Step:
    fields = {"type": "stock.adjusted", "source": "wms", "quantity": quantity, "ago": ago} | more
    return Step(fields, outcome, reason, level)


def seen(quantity, outcome, ago=5, **more) -> Step:
    fields = {"type": "shop.observed", "source": "demo", "quantity": quantity, "ago": ago}
    return Step(fields | more, outcome)


def ordered(quantity, outcome, ago=5, **more) -> Step:
    fields = {"type": "shop.ordered", "source": "demo", "quantity": quantity, "ago": ago}
    return Step(fields | more, outcome)


STORIES: dict[str, list[Step]] = {
    "a first count": [counted(5, "applied", level=("wms", 5))],
    "a first count of zero is a change from none": [counted(0, "applied", level=("wms", 0))],
    "the same number again": [
        counted(5, "applied", ago=10),
        counted(5, "unchanged", ago=9, level=("wms", 5)),
    ],
    "a negative level": [counted(-3, "applied", level=("wms", -3))],
    "a count before the last one": [
        counted(5, "applied", ago=10),
        counted(9, "stale", ago=11, level=("wms", 5)),
    ],
    "a count of the same moment is not before it": [
        counted(5, "applied", ago=10),
        counted(9, "applied", ago=10, level=("wms", 9)),
    ],
    "versions decide, not time": [
        counted(5, "applied", ago=10, version=7),
        counted(9, "stale", ago=1, version=7),
        counted(9, "stale", ago=1, version=6),
        counted(9, "applied", ago=20, version=8, level=("wms", 9)),
    ],
    "a missing version leaves it to time": [
        counted(5, "applied", ago=10, version=7),
        counted(6, "applied", ago=9),
        counted(7, "stale", ago=12, version=99),
        counted(8, "applied", ago=8, version=1, level=("wms", 8)),
    ],
    "another source's count makes none stale": [
        counted(5, "applied", ago=1),
        counted(4, "shadowed", ago=50, source="erp", level=("wms", 5)),
    ],
    "adjustments": [
        counted(5, "applied", ago=10),
        adjusted(-2, "applied", ago=9, level=("wms", 3)),
        adjusted(4, "applied", ago=8, level=("wms", 7)),
    ],
    "an adjustment inside the count": [
        counted(5, "applied", ago=10),
        adjusted(-2, "stale", ago=10),
        adjusted(-2, "stale", ago=11, level=("wms", 5)),
    ],
    "adjustments without a count add up": [
        adjusted(3, "applied", ago=10, level=("wms", 3)),
        adjusted(4, "applied", ago=20, level=("wms", 7)),
    ],
    "a late count takes the later adjustments on top": [
        adjusted(3, "applied", ago=3),
        adjusted(5, "applied", ago=9),
        counted(100, "applied", ago=6, level=("wms", 103)),
    ],
    "a late count by version does so too, but not of a stale adjustment": [
        counted(10, "applied", ago=10, version=1),
        adjusted(2, "applied", ago=5),
        adjusted(7, "stale", ago=12),
        counted(20, "applied", ago=30, version=2, level=("wms", 22)),
    ],
    "a late count that comes to the same number": [
        adjusted(3, "applied", ago=3),
        counted(0, "unchanged", ago=6, level=("wms", 3)),
    ],
    "a new count swallows earlier adjustments": [
        counted(10, "applied", ago=30),
        adjusted(2, "applied", ago=20),
        counted(50, "applied", ago=10, level=("wms", 50)),
    ],
    "versions of adjustments order nothing": [
        counted(10, "applied", ago=30, version=5),
        adjusted(2, "applied", ago=20, version=1, level=("wms", 12)),
    ],
    "the better source takes over": [
        counted(4, "applied", source="erp", ago=3, level=("erp", 4)),
        counted(5, "applied", source="wms", ago=60, level=("wms", 5)),
        counted(6, "shadowed", source="erp", ago=2, level=("wms", 5)),
        adjusted(1, "shadowed", source="erp", ago=1, level=("wms", 5)),
    ],
    "the better source takes over at the same number": [
        counted(4, "applied", source="erp", ago=3),
        counted(4, "unchanged", source="wms", ago=60, level=("wms", 4)),
    ],
    "places are apart": [
        counted(4, "applied", location="HAM"),
        counted(4, "applied", location="MUC", level=("wms", 4)),
    ],
    "an alias is the place": [
        counted(4, "applied", location="Berlin", ago=9),
        counted(4, "unchanged", location="BER", ago=8, level=("wms", 4)),
    ],
    "an adjustment by nothing": [
        counted(4, "applied", ago=9),
        adjusted(0, "unchanged", ago=8, level=("wms", 4)),
    ],
    "an adjustment by nothing begins no better reading": [
        counted(4, "applied", source="erp", ago=9),
        adjusted(0, "unchanged", source="wms", ago=8, level=("erp", 4)),
        counted(6, "applied", source="erp", ago=7, level=("erp", 6)),
    ],
    "an adjustment by nothing from below is shadowed": [
        counted(4, "applied", source="wms", ago=9),
        adjusted(0, "shadowed", source="erp", ago=8, level=("wms", 4)),
    ],
    "an adjustment by nothing where nothing was": [
        adjusted(0, "applied", ago=8, level=("wms", 0)),
    ],
    "a repeat with its id": [
        counted(4, "applied", ago=9, id="r1"),
        counted(4, "duplicate", ago=9, id="r1"),
        counted(4, "duplicate", ago=9, id="r1", reference="another"),
        counted(4, "duplicate", ago=9, id="r1", location="Berlin"),
    ],
    "a repeat of a stale one": [
        counted(4, "applied", ago=9),
        counted(5, "stale", ago=10, id="r2"),
        counted(5, "duplicate", ago=10, id="r2", level=("wms", 4)),
    ],
    "a repeat without id": [
        adjusted(4, "applied", ago=9),
        adjusted(4, "duplicate", ago=9),
        adjusted(4, "applied", ago=9, reference="another", level=("wms", 8)),
    ],
    "a repeat after the level moved on": [
        adjusted(4, "applied", ago=9, id="r3"),
        counted(50, "applied", ago=8),
        adjusted(4, "duplicate", ago=9, id="r3", level=("wms", 50)),
    ],
    "an id used again": [
        counted(4, "applied", ago=9, id="u1"),
        counted(5, "rejected", ago=9, id="u1", reason="id_reused"),
        counted(4, "rejected", ago=8, id="u1", reason="id_reused"),
        counted(4, "rejected", ago=9, id="u1", version=1, reason="id_reused"),
        adjusted(4, "rejected", ago=9, id="u1", reason="id_reused", level=("wms", 4)),
    ],
    "an id of another source is another id": [
        counted(4, "applied", ago=9, id="u2"),
        counted(5, "shadowed", ago=9, id="u2", source="erp", level=("wms", 4)),
    ],
    "an id used again, before anything else is asked": [
        counted(4, "applied", ago=9, id="u3"),
        counted(5, "rejected", ago=99, id="u3", reason="id_reused", level=("wms", 4)),
    ],
    "a rejected id is free for the corrected retry": [
        counted(10**9, "applied", ago=9),
        adjusted(1, "rejected", ago=8, id="c1", reason="level_out_of_range"),
        adjusted(-1, "applied", ago=8, id="c1", level=("wms", 10**9 - 1)),
    ],
    "levels have bounds": [
        counted(-(10**9), "applied", ago=9),
        adjusted(-1, "rejected", ago=8, reason="level_out_of_range"),
        adjusted(1, "applied", ago=7, level=("wms", 1 - 10**9)),
    ],
    "a late count that would leave the bounds": [
        adjusted(5, "applied", ago=5),
        counted(10**9, "rejected", ago=9, reason="level_out_of_range", level=("wms", 5)),
    ],
    "an adjustment from before the horizon": [
        adjusted(5, "rejected", ago=36 * DAY, reason="too_old"),
        adjusted(5, "applied", ago=34 * DAY, level=("wms", 5)),
    ],
    "a count may be as old as it likes": [
        counted(5, "applied", ago=400 * DAY, level=("wms", 5)),
    ],
    "stale comes before too old": [
        counted(5, "applied", ago=9),
        adjusted(5, "stale", ago=36 * DAY, level=("wms", 5)),
    ],
    "what the shop shows is no count": [
        seen(7, "applied", ago=9),
        counted(4, "applied", ago=8, level=("wms", 4)),
        seen(7, "unchanged", ago=7),
        seen(6, "stale", ago=8),
        seen(6, "applied", ago=6),
    ],
    "orders move no level": [
        counted(4, "applied", ago=9),
        ordered(1, "applied", ago=8),
        ordered(0, "unchanged", ago=7),
        ordered(1, "applied", ago=6, location=None),
        counted(4, "unchanged", ago=5, level=("wms", 4)),
    ],
    "an order of nothing where nothing was known": [
        ordered(0, "applied", ago=8),
        ordered(0, "unchanged", ago=7),
    ],
    "a null is nothing": [
        counted(4, "applied", ago=9, id=None, version=None, reference=None, level=("wms", 4)),
    ],
    "a wrong key, no key, the wrong partition": [
        Step(counted(4, "", ago=9).fields, "rekeyed", key=b"other"),
        Step(counted(5, "", ago=8).fields, "rekeyed", key=None),
        Step(counted(6, "", ago=7, id="w1").fields, "rekeyed", wrong_partition=True),
        Step(counted(6, "", ago=7, id="w1").fields, "rekeyed", key=b""),
    ],
}


def sku_of_story(number: int) -> str:
    return f"STORY-{number}"


def tell(partitions: int, now_ms: int):
    """Every step of every story: (story, step, message)."""
    for number, (name, steps) in enumerate(STORIES.items()):
        sku = sku_of_story(number)
        for step in steps:
            yield name, step, _message(step, sku, partitions, now_ms)


def _message(step: Step, sku: str, partitions: int, now_ms: int) -> Message:
    seconds, rest = divmod(now_ms - step.fields["ago"] * MINUTE_MS, 1000)
    event = {"sku": sku, "location": "BER"} | step.fields
    del event["ago"]
    event["occurred_at"] = _utc(seconds, rest)
    value = json.dumps(event).encode()
    key = sku.encode() if step.key == b"*" else step.key
    partition = partition_of(sku.encode(), partitions)
    if step.wrong_partition:
        partition = (partition + 1) % partitions
    return Message(key, value, step.headers, now_ms, partition)


def _utc(seconds: int, milliseconds: int) -> str:
    text = datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{milliseconds:03d}Z"
