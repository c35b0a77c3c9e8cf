"""The shop's goods: SKUs as they should be spelled, and how people spell them instead.

The right spelling is where we start, so nothing here has to normalise anything: what parstock makes of
the other spellings is checked against it.
"""

import random
import unicodedata
from dataclasses import dataclass

PLACES = {"BER": ["BER", "Berlin"], "HAM": ["HAM"], "MUC": ["MUC", "München"]}
THINGS = ("MUG", "TEE", "CAP", "PEN", "BAG", "LAMP", "KÄSE", "STRASSE", "BOX", "ΩMEGA")
COLOURS = ("RED", "BLUE", "GRÜN", "BLACK", "WHITE")

# How many goods never come under a wrong key: their events keep the order in which they were sent, so that
# it is certain beforehand how those are judged that lean on the level of the moment.
STEADY_SHARE = 10


@dataclass(frozen=True)
class Pair:
    """One SKU at one location: what has a level."""

    sku: str
    place: str


def make_skus(count: int) -> list[str]:
    return [
        f"{THINGS[n % len(THINGS)]}-{n + 1:04d}-{COLOURS[n // len(THINGS) % len(COLOURS)]}"
        for n in range(count)
    ]


def is_steady(sku: str, skus: list[str]) -> bool:
    return skus.index(sku) % STEADY_SHARE == 0


def _wide(text: str) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" and c != "-" else c for c in text)


SPELLINGS = (
    str.lower,
    str.title,
    lambda sku: f"  {sku} ",
    lambda sku: sku.replace("-", "\u2013"),  # an en dash, as word processors put it
    lambda sku: sku.replace("-", "\u2212"),  # a minus sign
    lambda sku: sku.replace("-", "\u200b-"),  # a space that nobody sees
    lambda sku: sku.replace("SS", "\u00df").lower(),
    lambda sku: unicodedata.normalize("NFD", sku),  # Ä as A and two dots
    _wide,
)


def misspell(sku: str, dice: random.Random) -> str:
    """Another spelling of the same SKU; never the right one."""
    while True:
        spelled = dice.choice(SPELLINGS)(sku)
        if spelled != sku:
            return spelled
