"""One maker for each reason with which the bytes of an event alone are refused."""

import json
from typing import Callable


def _json(event: dict) -> bytes:
    return json.dumps(event, ensure_ascii=False).encode()


def _with(**changes) -> Callable[[dict], bytes]:
    return lambda event: _json(event | changes)


def _without(name: str) -> Callable[[dict], bytes]:
    return lambda event: _json({k: v for k, v in event.items() if k != name})


BROKEN: dict[str, list[Callable[[dict], bytes | None]]] = {
    "empty_value": [lambda _: None, lambda _: b""],
    "too_large": [lambda event: _json(event | {"note": "x" * 65536})],
    "not_utf8": [lambda event: _json(event).replace(b"{", b"{\xff", 1), lambda _: b"\xc0\x80"],
    "not_json": [
        lambda event: _json(event)[:-1],
        lambda event: b"\xef\xbb\xbf" + _json(event),
        lambda event: _json(event) + b" x",
    ],
    "not_an_object": [lambda event: b"[" + _json(event) + b"]", lambda _: b'"stock.counted"'],
    "repeated_key": [
        lambda event: _json(event)[:-1] + b',"quantity":1}',
        lambda event: _json(event)[:-1] + b',"note":{"a":1,"a":2}}',
    ],
    "too_deep": [lambda event: _json(event)[:-1] + b',"note":' + b"[" * 16 + b"]" * 16 + b"}"],
    "missing_field": [_without("type"), _without("quantity"), _without("occurred_at")],
    "wrong_type": [_with(quantity="12"), _with(quantity=12.0), _with(sku=7), _with(type=None)],
    "out_of_range": [_with(quantity=1_000_000_001), _with(version=-1), _with(version=2**63)],
    "bad_text": [_with(id=""), _with(reference="a\u0000b"), _with(sku="x" * 256)],
    "unknown_type": [_with(type="stock.guessed"), _with(type="STOCK.COUNTED")],
    "unknown_source": [_with(source="pos"), _with(source="demo")],
    "unknown_location": [_with(location="ber"), _with(location="PAR")],
    "bad_timestamp": [
        _with(occurred_at="yesterday"),
        _with(occurred_at="2025-02-30T00:00:00Z"),
        _with(occurred_at="2025-01-01 00:00:00Z"),
        _with(occurred_at="2016-12-31T23:59:60Z"),
        _with(sees_orders_until="1999-12-31T23:59:59Z"),
    ],
    "future_timestamp": [_with(occurred_at="9999-12-31T23:59:59Z")],
    "bad_sku": [_with(sku="\u200b\u00ad"), _with(sku="  ")],
}
