"""One way to be broken for every code with which parstock refuses an event."""

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Callable


@dataclass(frozen=True)
class Broken:
    reason: str
    # (teller, voice) -> key and value (None: a tombstone); None: not with this voice, another time
    make: Callable[[Any, Any], tuple[bytes, bytes | None] | None]


def _record(teller, voice, **others) -> tuple[bytes, bytes]:
    return teller.key_of(voice), json.dumps(teller.fields(voice, **others)).encode()


def _json(**others) -> Callable:
    return lambda teller, voice: _record(teller, voice, **others)


def _bytes(value: bytes | None) -> Callable:
    return lambda teller, voice: (teller.key_of(voice), value)


def _twice(teller, voice):
    key, value = _record(teller, voice)
    return key, value[:-1] + b', "quantity": 6}'


def _deep(teller, voice):
    nest: Any = 1
    for _ in range(20):
        nest = [nest]
    return _record(teller, voice, note=nest)


def _from_tomorrow(teller, voice):
    return _record(teller, voice, occurred_at=(teller.now + timedelta(days=1)).isoformat())


def _same_id_other_content(teller, _voice):
    first = teller.earlier_send()
    if first is None:
        return None
    value = json.loads(first.value)
    value["quantity"] += 1
    return first.key, json.dumps(value).encode()


def _beyond_all_stock(teller, voice):
    """On top of what is there it is too much; only where it is certain what is there."""
    if voice.counted_at is None or voice.level < 1 or not teller.is_steady(voice):
        return None
    later = (voice.counted_at + timedelta(minutes=5)).isoformat()
    return _record(teller, voice, type="stock.adjusted", quantity=10**9, occurred_at=later)


def _long_ago(teller, voice):
    """Where a count exists it would be inside that count; so of a source that never counted here."""
    if teller.speaks("erp", voice.pair):
        return None
    then = (teller.now - timedelta(days=60)).isoformat()
    return _record(
        teller, voice, source="erp", type="stock.adjusted", quantity=3, occurred_at=then
    )


BROKEN = (
    Broken("not_json", _bytes(b'{"type": "stock.counted", "sku": ')),
    Broken("unknown_location", _json(location="ATLANTIS")),
    Broken("bad_sku", _json(sku="\u200b \u200b")),
    Broken("empty_value", _bytes(None)),
    Broken("missing_field", _json(quantity=None)),
    Broken("wrong_type", _json(quantity="12")),
    Broken("too_old", _long_ago),
    Broken("id_reused", _same_id_other_content),
    Broken("level_out_of_range", _beyond_all_stock),
    Broken("future_timestamp", _from_tomorrow),
    Broken("bad_timestamp", _json(occurred_at="yesterday")),
    Broken("unknown_source", _json(source="rumour")),
    Broken("unknown_type", _json(type="stock.guessed")),
    Broken("out_of_range", _json(quantity=5_000_000_000)),
    Broken("bad_text", _json(id="line one\nline two")),
    Broken("not_utf8", _bytes(b'{"sku": "M\xfcG"}')),
    Broken("not_an_object", _bytes(b'["stock.counted", "MUG-0001-RED", 5]')),
    Broken("repeated_key", _twice),
    Broken("too_deep", _deep),
    Broken("too_large", _json(note="x" * 66000)),
)
