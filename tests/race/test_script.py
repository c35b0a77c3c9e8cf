"""Scripts repeat, and hold what makes a race hard; what the shelf says of itself is so."""

import json
from collections import Counter

import pytest

from tests.race import events
from tests.race.script import LONG_LAG_S, ORDER_LAG_S, Script, script
from tests.race.shelf import ORDER_LAG_US, Race
from tests.schema.reference_judge import read_time

SPAN = 60.0
MANY = [script(1, number, SPAN) for number in range(400)]


def steps(kind: str, scripts: list[Script] = MANY):
    return [step for each in scripts for step in each.steps if step.kind == kind]


def test_a_script_follows_from_seed_and_number_alone():
    again = [script(1, number, SPAN) for number in reversed(range(400))]
    assert again[::-1] == MANY
    assert script(2, 7, SPAN) != script(1, 7, SPAN) != script(1, 8, SPAN)


def test_steps_are_in_order_and_within_the_span():
    for each in MANY:
        times = [step.at for step in each.steps]
        assert times == sorted(times) and 0 <= times[0] and times[-1] <= SPAN


def test_several_counts_lie_in_each_race():
    assert min(Counter(step.kind for step in each.steps)["count"] for each in MANY) >= 4


def test_there_are_more_customers_than_units():
    wanted = sum(step.units for step in steps("buy"))
    supply = sum(each.stock for each in MANY) + sum(step.units for step in steps("receive"))
    assert wanted > 1.3 * supply


def test_half_of_the_sources_say_what_they_have_seen():
    saying = [each for each in MANY if each.says_watermark]
    assert 0.4 < len(saying) / len(MANY) < 0.6
    silent = [each for each in MANY if not each.says_watermark]
    # Who is silent lags no more than the contract says; who is not may lag longer.
    assert max(step.lag for step in steps("count", silent)) <= ORDER_LAG_S
    assert ORDER_LAG_S < max(step.lag for step in steps("count", saying)) <= LONG_LAG_S


def test_some_orders_are_told_twice_and_some_never():
    told = Counter(len(step.tells) for step in steps("buy"))
    every = told.total()
    assert 0.07 < told[0] / every < 0.13 and 0.1 < told[2] / every < 0.2
    assert {len(step.tells) for step in steps("cancel")} == {0, 1, 2}


# The shelf

SECOND = 1_000_000


def race(stock: int = 10, says: bool = True) -> Race:
    return Race(Script(1, stock, stock, says, ()))


def sold_and_more() -> Race:
    """At 1 s: 3 sold; at 2 s: 2 sold; at 3 s: the first cancelled; at 4 s: the second shipped."""
    one = race()
    first, second = one.buy(3, SECOND), one.buy(2, 2 * SECOND)
    first.cancelled, second.shipped = 3 * SECOND, 4 * SECOND
    return one


@pytest.mark.parametrize("seen, available, on_hand", [
    (0, 10, 10), (1, 7, 10), (2, 5, 10), (3, 8, 10), (4, 8, 8), (None, 8, 8),
])  # fmt: skip
def test_a_count_holds_what_was_seen(seen: int | None, available: int, on_hand: int):
    until = None if seen is None else seen * SECOND
    assert sold_and_more().quantity("available", until) == available
    assert sold_and_more().quantity("on_hand", until) == on_hand


def test_a_source_does_not_forget_what_it_saw():
    one = sold_and_more()
    assert one.count("available", 5 * SECOND, 0).sees_until == 5 * SECOND
    later = one.count("available", 6 * SECOND, 3 * SECOND)
    assert (later.sees_until, later.id, later.quantity) == (5 * SECOND, "count-2", 8)


def test_what_came_since_is_in_the_count_whatever_was_seen():
    one = sold_and_more()
    one.received += 4
    assert one.count("available", 9 * SECOND, 9 * SECOND).quantity == 14


def test_what_is_said_of_orders_says_nothing_of_shipments():
    at = 1000 * SECOND
    told = sold_and_more().count("on_hand", at, 8 * SECOND)
    assert (told.sees_until, told.says) == (at - ORDER_LAG_US, at)
    assert sold_and_more().count("available", at, 8 * SECOND).says == at - 8 * SECOND


def test_overtaken_is_who_missed_a_sale_or_a_shipment():
    one = sold_and_more()
    early, late = (one.count("available", at * SECOND, 0) for at in (1, 2))
    assert one.is_overtaken("available", early) and not one.is_overtaken("available", late)
    assert one.is_overtaken("on_hand", late)
    assert not one.is_overtaken("on_hand", one.count("on_hand", 4 * SECOND, 0))


def test_only_open_orders_are_picked():
    one = sold_and_more()
    assert one.pick_open(0.5) is None
    open_one = one.buy(1, 5 * SECOND)
    assert one.pick_open(0.0) is one.pick_open(0.99) is open_one


def test_what_the_shop_shows_is_no_count():
    told = json.loads(events.observed(race(), 3, 2 * SECOND).value)
    assert (told["type"], told["source"], told["quantity"]) == ("shop.observed", events.SHOP, 3)
    assert events.observed(race(), 3, 2 * SECOND).count is None


def test_events_are_as_the_contract_has_them():
    one = sold_and_more()
    at = 1_700_000_000_123_456
    told = json.loads(events.counted(one, one.count("available", at, SECOND)).value)
    assert read_time(told["occurred_at"]) == at and read_time(told["sees_orders_until"]) == at - SECOND
    assert told["type"] == "stock.counted" and told["sku"] == one.sku
    silent = race(says=False)
    assert b"sees_orders_until" not in events.counted(silent, silent.count("available", at, 0)).value
    order = one.buy(4, at)
    order.cancelled = at + 1
    placed, gone = (json.loads(make(one, order).value) for make in (events.ordered, events.cancelled))
    assert (placed["quantity"], gone["quantity"]) == (4, -4) and placed["id"] != gone["id"]
    assert read_time(placed["occurred_at"]) == at and read_time(gone["occurred_at"]) == at + 1
