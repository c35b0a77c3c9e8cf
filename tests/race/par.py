"""After the last customer: counts that have seen everything, until shop and shelf are at par again."""

import time
from typing import Any, Mapping, Sequence

from tests.harness.waiting import Timeout, wait_until

from . import events
from .market import Market
from .parstock import Parstock
from .play import now_us
from .script import ORDER_LAG_S
from .shelf import Race

ROUNDS = 6
MARGIN_S = 1.0


def differs(race: Race, mode: str, says: Mapping[str, Any] | None, shop: Mapping[str, int]) -> str:
    """Empty: at par. Both must agree with the shelf: what parstock says, and what the shop has."""
    truth = max(0, race.quantity(mode))
    if says is None:
        return f"{race.sku}: parstock has no level"
    if says["desired"] == says["shown"] == shop[mode] == truth:
        return ""
    return (f"{race.sku}: {truth} on the shelf, desired {says['desired']}, shown {says['shown']},"
            f" the shop has {shop[mode]} ({says['state']})")  # fmt: skip


def differences(races: Sequence[Race], mode: str, parstock: Parstock, market: Market) -> list[str]:
    parstock.see_all_alive()
    says, shop = parstock.levels(), market.levels()
    found = (differs(race, mode, says.get(race.sku), shop[race.sku]) for race in races)
    return [difference for difference in found if difference]


def _settle(races: Sequence[Race], mode: str, parstock: Parstock, market: Market) -> None:
    """As long as it may take, and no longer than it does."""
    parstock.clear()
    limit_s = 15 + len(races) / 100
    try:
        wait_until(lambda: not differences(races, mode, parstock, market), "par", limit_s, every_s=0.5)
    except Timeout:
        pass


def _count(races: Sequence[Race], mode: str, parstock: Parstock) -> None:
    for race in races:
        parstock.take(events.counted(race, race.count(mode, now_us(), 0)))


def _observe(races: Sequence[Race], parstock: Parstock, market: Market) -> None:
    """Who believes that the shop shows what was counted has no reason to look at it, if nobody tells of the shop."""
    shop, now = market.levels(), now_us()
    for race in races:
        parstock.take(events.observed(race, shop[race.sku]["available"], now))


def begin_at_par(races: Sequence[Race], mode: str, parstock: Parstock, market: Market) -> None:
    """Before the first customer: the shop's levels have been read, and are right."""
    _count(races, mode, parstock)
    _settle(races, mode, parstock, market)
    behind = differences(races, mode, parstock, market)
    assert not behind, f"{len(behind)} not at par before anything happened: {behind[:3]}"


def come_to_par(races: Sequence[Race], mode: str, parstock: Parstock, market: Market) -> list[list[str]]:
    """What differed after each round of counts; the last is empty if all went well.

    One round can be too few: what parstock learns of an order only by a read after the count was taken may lie behind
    the count's watermark, for all it knows. Real sources count again as well. From the second round on the shop tells
    what it shows, or is read: a sale that nobody told of, made up for by a receipt, leaves a count that changes nothing.
    """
    rounds: list[list[str]] = []
    waiting = list(races)
    while waiting and len(rounds) < ROUNDS:
        if rounds:
            _observe(waiting, parstock, market)
            if mode == "on_hand":  # what has left its on_hand the shop tells nobody: it must be read
                parstock.run("catalog", "sync")
        time.sleep(ORDER_LAG_S + MARGIN_S)  # so that everything is older than a count may lack
        _count(waiting, mode, parstock)
        _settle(waiting, mode, parstock, market)
        rounds.append(differences(races, mode, parstock, market))
        behind = {difference.split(":")[0] for difference in rounds[-1]}
        waiting = [race for race in races if race.sku in behind]
    return rounds
