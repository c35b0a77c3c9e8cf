"""Other ways to write one SKU, all of which normalise to the same one."""

import random
import unicodedata

STEMS = ("A-{n}", "Hemd-Größe {n}", "CAFÉ-{n}", "Über Teil-{n}-b", "ﬁlter {n}", "Kabel-{n}m")
DASHES = "-\u2010\u2011\u2013\u2014\u2212\uff0d\ufe63"
SPACES = (" ", "  ", "\u00a0", "\u3000", " \u2009")
UNSEEN = ("\u200b", "\u00ad", "\ufeff", "\u200d")


def raw_sku(number: int) -> str:
    return STEMS[number % len(STEMS)].format(n=number)


def _wide(text: str, _rng: random.Random) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if c.isascii() and c.isalnum() else c for c in text)


def _dashes(text: str, rng: random.Random) -> str:
    return "".join(rng.choice(DASHES) if c == "-" else c for c in text)


def _spaces(text: str, rng: random.Random) -> str:
    return rng.choice(SPACES) + text.replace(" ", rng.choice(SPACES)) + rng.choice(SPACES)


def _unseen(text: str, rng: random.Random) -> str:
    at = rng.randrange(len(text) + 1)
    return text[:at] + rng.choice(UNSEEN) + text[at:]


WAYS = (
    lambda text, _: text,
    lambda text, _: text.lower(),
    lambda text, _: text.upper(),
    lambda text, _: unicodedata.normalize("NFD", text),
    lambda text, _: unicodedata.normalize("NFKC", text),
    _wide,
    _dashes,
    _spaces,
    _unseen,
)


def respell(text: str, rng: random.Random) -> str:
    for way in rng.sample(WAYS, 2):
        text = way(text, rng)
    return text
