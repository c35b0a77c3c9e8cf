"""A record's bytes and headers to an event, or the code with which it is refused.

The rules of the fields are those of tests/schema/reference_judge.py; added here is what
CloudEvents headers and envelopes fill in.
"""

import functools
import json
from dataclasses import dataclass, field

from tests.schema import reference_judge as reference

ENVELOPE = {"id": "id", "source": "source", "type": "type", "time": "occurred_at"}
BINARY = {f"ce_{name}": target for name, target in ENVELOPE.items()}
STRUCTURED = b"application/cloudevents+json"


@dataclass(frozen=True)
class Record:
    """A record as it lies in the topic."""

    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]
    timestamp_ms: int


@dataclass(frozen=True)
class Event:
    """A valid event, normalised."""

    type: str
    source: str
    id: str | None
    sku: str
    location: str
    quantity: int
    occurred_at_us: int
    version: int | None
    sees_orders_until_us: int | None
    reference: str | None = field(compare=False)  # content is all but this

    def key(self):
        """What makes a repeat one: the id, or else the whole content and the reference."""
        if self.id is not None:
            return (self.source, self.sku, self.id)
        return (self, self.reference)


@functools.lru_cache(maxsize=200_000)
def normalise(raw: str, steps: str) -> str | None:
    return reference.normalise(raw, json.loads(steps))


class Decoder:
    def __init__(self, contract: dict):
        self._contract = contract
        self._steps = json.dumps(contract.get("sku", {}).get("normalise", {}))
        self._codes = {}
        for location in contract["locations"]:
            for name in (location["code"], *location.get("aliases", [])):
                self._codes[name] = location["code"]

    def decode(self, record: Record) -> Event | str:
        value, fields = record.value, None
        code = self._shape(value)
        if code == "ok":
            fields = self._fields(value, dict(record.headers))
            code = "not_an_object" if fields is None else self._judge(fields, record)
        return self._event(fields) if code == "ok" else code

    def _shape(self, value: bytes | None) -> str:
        """The codes that need no field, taken from the reference with an empty object."""
        if not value:
            return "empty_value"
        if len(value) > reference.MAX_BYTES:
            return "too_large"
        try:
            tree, reader = reference.read_json(value.decode("utf-8"))
        except UnicodeDecodeError:
            return "not_utf8"
        except reference.NotJson:
            return "not_json"
        self._tree = tree
        if not isinstance(tree, reference.Object):
            return "not_an_object"
        if reader.repeated:
            return "repeated_key"
        return "too_deep" if reader.deepest > reference.MAX_DEPTH else "ok"

    def _fields(self, value: bytes, headers: dict) -> dict | None:
        outer = dict(self._tree)
        kind = (headers.get("content-type") or b"").lower()
        if kind.split(b";")[0].strip() == STRUCTURED:
            # An envelope without data lacks the event's fields; other data is no event at all.
            data = outer.get("data", reference.Object())
            if not isinstance(data, reference.Object):
                return None
            filled = {to: outer.get(name) for name, to in ENVELOPE.items()}
            inner = dict(data)
        else:
            filled = {
                to: headers[name].decode() for name, to in BINARY.items() if headers.get(name)
            }
            inner = outer
        fields = {k: v for k, v in inner.items() if k in reference.FIELDS}
        for name, text in filled.items():
            if text is not None and fields.get(name) is None:
                fields[name] = text
        return fields

    def _judge(self, fields: dict, record: Record) -> str:
        """As reference.judge_fields, but what it asks last, the SKU, is remembered."""
        frame = reference.Frame(self._contract, record.timestamp_ms)
        present = reference.drop_absent(fields)
        for code, check in reference.STEPS:
            if code != "bad_sku" and check(present, frame):
                return code
        return "ok" if normalise(fields["sku"], self._steps) else "bad_sku"

    def _event(self, fields: dict) -> Event:
        def number(name):
            return int(fields[name]) if fields.get(name) is not None else None

        def moment(name):
            return reference.read_time(fields[name]) if fields.get(name) is not None else None

        location = fields.get("location")
        return Event(
            type=fields["type"],
            source=fields["source"],
            id=fields.get("id"),
            sku=normalise(fields["sku"], self._steps),
            location=self._codes[location] if location is not None else "",
            quantity=number("quantity"),
            occurred_at_us=moment("occurred_at"),
            version=number("version"),
            sees_orders_until_us=moment("sees_orders_until"),
            reference=fields.get("reference"),
        )
