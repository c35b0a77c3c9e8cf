"""Global ids. A level's number is opaque to callers; here it encodes the location, so
that no table is needed."""

from __future__ import annotations

import re

_GID = re.compile(
    r"gid://shopify/([A-Za-z]+)/([0-9]{1,19})(?:\?inventory_item_id=([0-9]{1,19}))?"
)
_LEVEL_BASE, _LEVEL_FACTOR = 900_000_017, 31


def make(kind: str, number: int) -> str:
    return f"gid://shopify/{kind}/{number}"


def number(text: object, kind: str) -> int | None:
    """The number in an id of that kind; None for anything else."""
    match = _GID.fullmatch(text) if isinstance(text, str) else None
    if match is None or match[1] != kind or match[3] is not None:
        return None
    return int(match[2])


def kind_of(text: str) -> str | None:
    match = _GID.fullmatch(text)
    return match[1] if match else None


def level(item: int, location: int) -> str:
    opaque = location * _LEVEL_FACTOR + _LEVEL_BASE
    return f"gid://shopify/InventoryLevel/{opaque}?inventory_item_id={item}"


def level_pair(text: str) -> tuple[int, int] | None:
    match = _GID.fullmatch(text)
    if match is None or match[1] != "InventoryLevel" or match[3] is None:
        return None
    location, rest = divmod(int(match[2]) - _LEVEL_BASE, _LEVEL_FACTOR)
    return (int(match[3]), location) if rest == 0 and location >= 0 else None


def pair_name(item: int | str, location: int | str) -> str:
    """How the journal names a pair: the two numbers, item first."""
    return f"{_tail(item)}@{_tail(location)}"


def _tail(value: int | str) -> str:
    return str(value).rsplit("/", 1)[-1]
