"""A second reading of the rules for stock-change events and contract files.

Written from the interface description alone and sharing nothing with the C decoder, so
that two independent judges can be compared. Slow and plain on purpose: an own JSON reader
(no recursion, keeps number tokens and repeated keys), then one check per code in order.
"""

import datetime
import re
import unicodedata
from urllib.parse import urlsplit

MAX_BYTES = 64 * 1024
MAX_DEPTH = 16
MAX_QUANTITY = 1_000_000_000
MAX_VERSION = 2**63 - 1
FUTURE_US = 5 * 60 * 1_000_000

# In the order in which they are judged; up to the last one the ledger is not needed.
CODES = (
    "empty_value too_large not_utf8 not_json not_an_object repeated_key too_deep "
    "missing_field wrong_type out_of_range bad_text unknown_type unknown_source "
    "unknown_location bad_timestamp future_timestamp bad_sku"
).split()


class NotJson(ValueError):
    pass


class Number(str):
    """A number as written."""

    @property
    def is_integer(self):
        return not set(self) & set(".eE")


class Object(list):
    """Pairs in order, repeated keys included."""


WHITE = " \t\n\r"
NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
PLAIN = re.compile(r'[^"\\\x00-\x1f]*')
ESCAPES = dict(zip('"\\/bfnrt', '"\\/\b\f\n\r\t', strict=True))
HEX4 = re.compile(r"[0-9a-fA-F]{4}")
LITERALS = {"true": True, "false": False, "null": None}


def read_unit(text, at):
    found = HEX4.match(text, at)
    if not found:
        raise NotJson(f"four hex digits expected at {at}")
    return int(found.group(), 16)


def read_string(text, at):
    """Reads behind the opening quote; gives the value and the place behind the end."""
    parts = []
    while True:
        plain = PLAIN.match(text, at)
        parts.append(plain.group())
        at = plain.end()
        stop = text[at : at + 1]
        if stop == '"':
            return "".join(parts), at + 1
        if stop != "\\":
            raise NotJson(f"string broken at {at}")
        kind = text[at + 1 : at + 2]
        if kind in ESCAPES and kind:
            parts.append(ESCAPES[kind])
            at += 2
        elif kind == "u":
            unit = read_unit(text, at + 2)
            at += 6
            if 0xD800 <= unit < 0xDC00 and text[at : at + 2] == "\\u":
                low = read_unit(text, at + 2)
                if 0xDC00 <= low < 0xE000:
                    unit = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00)
                    at += 6
            parts.append(chr(unit))
        else:
            raise NotJson(f"unknown escape at {at}")


class Open:
    """An object or array that is being read."""

    def __init__(self, start):
        self.is_object = start == "{"
        self.end = "}" if self.is_object else "]"
        self.value = Object() if self.is_object else []
        self.seen = set()
        self.key = None

    def add(self, value):
        self.value.append((self.key, value) if self.is_object else value)


class Reader:
    """Reads one JSON text; remembers the greatest depth and whether a key came twice."""

    def __init__(self, text):
        self.text = text
        self.at = 0
        self.deepest = 0
        self.repeated = False

    def skip(self):
        while self.at < len(self.text) and self.text[self.at] in WHITE:
            self.at += 1

    def peek(self):
        self.skip()
        return self.text[self.at : self.at + 1]

    def take(self, character):
        if self.peek() != character:
            raise NotJson(f"{character} expected at {self.at}")
        self.at += 1

    def scalar(self):
        for word, value in LITERALS.items():
            if self.text.startswith(word, self.at):
                self.at += len(word)
                return value
        found = NUMBER.match(self.text, self.at)
        if not found:
            raise NotJson(f"value expected at {self.at}")
        self.at = found.end()
        return Number(found.group())

    def string(self):
        self.take('"')
        value, self.at = read_string(self.text, self.at)
        return value

    def key(self, seen):
        self.skip()
        key = self.string()
        self.repeated |= key in seen
        seen.add(key)
        self.take(":")
        return key

    def read(self):
        value = self.nested()
        if self.peek():
            raise NotJson(f"more text at {self.at}")
        return value

    def nested(self):
        """A value of any depth, without recursion."""
        open_ones = []
        while True:
            start = self.peek()
            if start in ("{", "["):
                top = self.open(open_ones, start)
                if self.peek() != top.end:
                    self.name(top)
                    continue
                self.at += 1
                value = open_ones.pop().value
            else:
                value = self.string() if start == '"' else self.scalar()
            value, complete = self.close(open_ones, value)
            if complete:
                return value

    def open(self, open_ones, start):
        self.at += 1
        open_ones.append(Open(start))
        self.deepest = max(self.deepest, len(open_ones))
        return open_ones[-1]

    def name(self, top):
        if top.is_object:
            top.key = self.key(top.seen)

    def close(self, open_ones, value):
        """Puts a value where it belongs and closes all that ends behind it."""
        while open_ones:
            top = open_ones[-1]
            top.add(value)
            follow = self.peek()
            self.at += 1
            if follow == ",":
                self.name(top)
                return None, False
            if follow != top.end:
                raise NotJson(f"comma or end expected at {self.at - 1}")
            value = open_ones.pop().value
        return value, True


def read_json(text):
    reader = Reader(text)
    return reader.read(), reader


# --- fields

TEXT, INTEGER, TIME = "text", "integer", "time"
FIELDS = {
    "type": TEXT,
    "source": TEXT,
    "id": TEXT,
    "sku": TEXT,
    "location": TEXT,
    "quantity": INTEGER,
    "occurred_at": TIME,
    "version": INTEGER,
    "sees_orders_until": TIME,
    "reference": TEXT,
}
LENGTHS = {"id": (1, 200), "sku": (1, 255), "location": (1, 100), "reference": (0, 200)}
RANGES = {"quantity": (-MAX_QUANTITY, MAX_QUANTITY), "version": (0, MAX_VERSION)}
TYPES = {
    "stock.counted": "sources",
    "stock.adjusted": "sources",
    "shop.observed": "shops",
    "shop.ordered": "shops",
}
BAD_CHARACTER = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def required_fields(event):
    yield from ("type", "source", "sku", "quantity", "occurred_at")
    if event.get("type") != "shop.ordered":
        yield "location"


def drop_absent(event):
    needed = set(required_fields(event))
    return {k: v for k, v in event.items() if v is not None or k in needed}


def missing_field(event, _):
    return any(name not in event for name in required_fields(event))


def has_type(value, kind):
    if kind is INTEGER:
        return isinstance(value, Number) and value.is_integer
    return isinstance(value, str) and not isinstance(value, Number)


def wrong_type(event, _):
    return any(not has_type(value, FIELDS[name]) for name, value in event.items())


def whole(token):
    """Python limits how many digits int() takes; past 40 only the sign matters here."""
    return int(token) if len(token) <= 40 else int(token[:40])


def out_of_range(event, _):
    return any(
        not low <= whole(event[name]) <= high
        for name, (low, high) in RANGES.items()
        if name in event and has_type(event[name], INTEGER)
    )


def bad_text(event, _):
    for name, value in event.items():
        if FIELDS[name] is not TEXT or not has_type(value, TEXT):
            continue
        low, high = LENGTHS.get(name, (0, MAX_BYTES))
        if not low <= len(value) <= high or BAD_CHARACTER.search(value):
            return True
    return False


TIMESTAMP = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt]([0-9]{2}):([0-9]{2}):([0-9]{2})"
    r"(?:\.([0-9]+))?(?:[Zz]|([+-])([0-9]{2}):([0-9]{2}))"
)


class NoTime(ValueError):
    pass


def read_time(text):
    """Microseconds since 1970, UTC; integers, as 9999 in the west is past datetime."""
    found = TIMESTAMP.fullmatch(text)
    if not found:
        raise NoTime("not RFC 3339")
    year, month, day, hour, minute, second = (int(part) for part in found.groups()[:6])
    fraction, sign, off_hour, off_minute = found.groups()[6:]
    off_hour, off_minute = int(off_hour or 0), int(off_minute or 0)
    if year < 2000 or hour > 23 or minute > 59 or second > 59:
        raise NoTime("out of range")
    if off_hour > 23 or off_minute > 59:
        raise NoTime("offset out of range")
    try:
        days = datetime.date(year, month, day).toordinal() - 719163
    except ValueError as bad:
        raise NoTime(str(bad)) from bad
    offset = (off_hour * 3600 + off_minute * 60) * (-1 if sign == "-" else 1)
    seconds = days * 86400 + hour * 3600 + minute * 60 + second - offset
    return seconds * 1_000_000 + int((fraction or "")[:6].ljust(6, "0"))


def times(event):
    """Of each time field its value, or None if it is none."""
    for name, value in event.items():
        if FIELDS[name] is TIME:
            try:
                yield read_time(value)
            except NoTime:
                yield None


# --- SKU

# Default_Ignorable_Code_Point that is not Cf already.
IGNORABLE = (
    (0x034F, 0x034F), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F),
    (0x2065, 0x2065), (0x3164, 0x3164), (0xFE00, 0xFE0F), (0xFFA0, 0xFFA0),
    (0xFFF0, 0xFFF8), (0xE0000, 0xE0FFF),
)  # fmt: skip


def ignorable(character):
    if unicodedata.category(character) == "Cf":
        return True
    return any(low <= ord(character) <= high for low, high in IGNORABLE)


def dash(character):
    return character == "\u2212" or unicodedata.category(character) == "Pd"


def normalise_once(sku, steps):
    if steps.get("nfkc", True):
        sku = unicodedata.normalize("NFKC", sku)
    if steps.get("drop_ignorable", True):
        sku = "".join(c for c in sku if not ignorable(c))
    if steps.get("dashes", True):
        sku = "".join("-" if dash(c) else c for c in sku)
    if steps.get("trim", True):
        sku = sku.strip()
    if steps.get("collapse_spaces", True):
        sku = re.sub(r"\s+", " ", sku)
    if steps.get("fold_case", True):
        sku = sku.casefold().upper()
    return sku


def normalise(sku, steps):
    """The normalised SKU, or None if it is refused."""
    for _ in range(100):
        after = normalise_once(sku, steps)
        if after == sku:
            break
        sku = after
    return sku if 1 <= len(sku) <= 255 else None


# --- the event against its contract


class Frame:
    """What an event is judged against."""

    def __init__(self, contract, record_time_ms):
        self.contract = contract
        self.latest_us = record_time_ms * 1000 + FUTURE_US
        self.steps = contract.get("sku", {}).get("normalise", {})

    def speaker(self, event):
        entries = self.contract[TYPES.get(event["type"], "sources")]
        return next((e for e in entries if e["name"] == event["source"]), None)

    def places(self, source):
        """Every code and alias that the source may name."""
        for location in self.contract["locations"]:
            allowed = source.get("locations") if "rank" in source else None
            if allowed is None or location["code"] in allowed:
                yield from (location["code"], *location.get("aliases", []))


def unknown_type(event, _):
    return event["type"] not in TYPES


def unknown_source(event, frame):
    return frame.speaker(event) is None


def unknown_location(event, frame):
    source = frame.speaker(event) or {}
    return "location" in event and event["location"] not in frame.places(source)


def bad_timestamp(event, _):
    return None in times(event)


def future_timestamp(event, frame):
    return any(stamp is not None and stamp > frame.latest_us for stamp in times(event))


def bad_sku(event, frame):
    return normalise(event["sku"], frame.steps) is None


STEPS = [
    (check.__name__, check)
    for check in (
        missing_field,
        wrong_type,
        out_of_range,
        bad_text,
        unknown_type,
        unknown_source,
        unknown_location,
        bad_timestamp,
        future_timestamp,
        bad_sku,
    )
]


def judge_fields(event, contract, record_time_ms):
    frame = Frame(contract, record_time_ms)
    event = drop_absent(event)
    return next((code for code, check in STEPS if check(event, frame)), "ok")


def judge(value, contract, record_time_ms):
    """`ok` or the code with which a record's value (bytes or None) is refused."""
    if not value:
        return "empty_value"
    if len(value) > MAX_BYTES:
        return "too_large"
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        return "not_utf8"
    try:
        tree, reader = read_json(text)
    except NotJson:
        return "not_json"
    if not isinstance(tree, Object):
        return "not_an_object"
    if reader.repeated:
        return "repeated_key"
    if reader.deepest > MAX_DEPTH:
        return "too_deep"
    event = {key: value for key, value in tree if key in FIELDS}
    return judge_fields(event, contract, record_time_ms)


# --- the contract file: what relates one entry to another


def repeated(values):
    values = list(values)
    return len(values) != len(set(values))


def loopback(host):
    return host in ("localhost", "::1") or re.fullmatch(
        r"127(?:\.(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])){3}", host or ""
    )


def plain_http_beyond_loopback(endpoint):
    parts = urlsplit(endpoint)
    return parts.scheme == "http" and not loopback(parts.hostname)


def contract_problem(contract):
    """None, or why the loader refuses a contract that its schema accepts."""
    sources, shops = contract.get("sources", []), contract.get("shops", [])
    locations = contract.get("locations", [])
    codes = {location["code"] for location in locations}
    names = [n for loc in locations for n in [loc["code"], *loc.get("aliases", [])]]
    used = [code for s in sources for code in s.get("locations", [])]
    used += [code for shop in shops for code in shop["locations"]]
    problems = (
        (repeated(s["rank"] for s in sources), "duplicate rank"),
        (repeated(x["name"] for x in sources + shops), "name used twice"),
        (repeated(names), "location code or alias used twice"),
        (not set(used) <= codes, "unknown location"),
        (any(repeated(shop["locations"].values()) for shop in shops), "one place of a shop twice"),
        (any(s.get("api_version", "2026-10") < "2026-04" for s in shops), "api_version"),
        (any(plain_http_beyond_loopback(s["endpoint"]) for s in shops), "plain http"),
    )
    return next((text for holds, text in problems if holds), None)
