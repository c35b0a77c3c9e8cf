"""Items of a large catalogue that nobody holds: made while they are written out, or asked for by their id."""

from __future__ import annotations

from typing import Iterable, Iterator

from .state import Item, Level, Quantities

FIRST = 5_000_000_001


def item(number: int, places: Iterable[int]) -> Item:
    """The number-th. Every hundredth is a bundle, every tenth sells on."""
    made = Item(
        FIRST + number,
        f"made-up-{number:07}",
        mutable=number % 100 != 99,
        bundle=number % 100 == 99,
        policy="CONTINUE" if number % 10 == 9 else "DENY",
        tags=("made-up", f"group-{number % 50}"),
        price=f"{number % 1000}.95",
    )
    quantities = Quantities(available=number % 90, committed=number % 3)
    made.levels += [Level(made.id, place, quantities, True, 0.0, {}) for place in places]
    return made


def items(count: int, places: list[int]) -> Iterator[Item]:
    return (item(number, places) for number in range(count))


def by_id(item_id: int, count: int, places: Iterable[int]) -> Item | None:
    number = item_id - FIRST
    return item(number, places) if 0 <= number < count else None
