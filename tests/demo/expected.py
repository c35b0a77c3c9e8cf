"""What the shop should show in the end, worked out from the facts alone.

Small and slow on purpose, and nothing of parstock's: it knows every fact beforehand and may ask for the
newest count, where parstock has to judge one event after another as they come.
"""

from collections import defaultdict
from typing import Iterable

from .events import Fact, Send
from .goods import Pair

RANKS = {"wms": 1, "erp": 2}


def reading(facts: Iterable[Fact]) -> int:
    """The newest count, and what was added and taken since."""
    facts = list(facts)
    counts = [fact for fact in facts if fact.absolute]
    newest = max(counts, key=lambda fact: fact.when, default=None)
    later = [f for f in facts if not f.absolute and (newest is None or f.when > newest.when)]
    return (newest.quantity if newest else 0) + sum(fact.quantity for fact in later)


def levels(sends: Iterable[Send]) -> dict[Pair, int]:
    """The level of every pair that anybody spoke of, from the best source that did."""
    facts = {(s.fact.source, s.fact.id, s.fact.pair.sku): s.fact for s in sends if s.fact}
    said: dict[Pair, dict[str, list[Fact]]] = defaultdict(lambda: defaultdict(list))
    for fact in facts.values():
        said[fact.pair][fact.source].append(fact)
    return {
        pair: reading(by_source[min(by_source, key=RANKS.__getitem__)])
        for pair, by_source in said.items()
    }


def shown(level: int) -> int:
    """A shop cannot show less than nothing on the shelf."""
    return max(0, level)
