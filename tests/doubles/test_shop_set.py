"""inventorySetQuantities: compare, identity of on_hand, bounds, and what a bad call may
name."""

import pytest

from shop_client import MISSING, document


def test_available_moves_on_hand_alike(shop):
    assert shop.codes(shop.set([shop.pair("A", 8, 5)])) == []
    level = shop.level("A")
    assert (level["available"], level["committed"], level["on_hand"]) == (8, 2, 10)


def test_on_hand_moves_available(shop):
    assert shop.codes(shop.set([shop.pair("A", 20, 7)], name="on_hand")) == []
    level = shop.level("A")
    assert (level["available"], level["committed"], level["on_hand"]) == (18, 2, 20)


def test_on_hand_is_the_sum_of_all_states_but_incoming(shop):
    level = shop.level("C")
    assert (level["on_hand"], level["incoming"]) == (10, 4)
    shop.set([shop.pair("C", 3, 10)], name="on_hand")
    level = shop.level("C")
    assert (level["available"], level["damaged"], level["on_hand"]) == (2, 1, 3)


def test_on_hand_below_the_committed_makes_available_negative(shop):
    assert shop.codes(shop.set([shop.pair("A", 1, 7)], name="on_hand")) == []
    assert shop.level("A")["available"] == -1


def test_stale_compare_refuses_the_whole_call(shop):
    answer = shop.set([shop.pair("A", 8, 5), shop.pair("B", 8, 4)])
    assert shop.codes(answer) == ["CHANGE_FROM_QUANTITY_STALE"]
    errors = answer["data"]["inventorySetQuantities"]["userErrors"]
    assert errors[0]["field"] == ["input", "quantities", "1", "changeFromQuantity"]
    assert (shop.level("A")["available"], shop.level("B")["available"]) == (5, 3)


def test_compare_on_hand_looks_at_on_hand(shop):
    assert shop.codes(shop.set([shop.pair("A", 9, 5)], name="on_hand")) == [
        "CHANGE_FROM_QUANTITY_STALE"
    ]


def test_partial_mode_applies_the_good_pairs(shop):
    shop.control("config", {"stale_mode": "partial"})
    answer = shop.set([shop.pair("A", 8, 5), shop.pair("B", 8, 4)])
    assert shop.codes(answer) == ["CHANGE_FROM_QUANTITY_STALE"]
    assert (
        answer["data"]["inventorySetQuantities"]["inventoryAdjustmentGroup"] is not None
    )
    assert (shop.level("A")["available"], shop.level("B")["available"]) == (8, 3)


def test_stale_field_may_be_null(shop):
    shop.control("config", {"stale_field": "null"})
    answer = shop.set([shop.pair("B", 8, 4)])
    assert answer["data"]["inventorySetQuantities"]["userErrors"][0]["field"] is None


def test_null_compare_opts_out(shop):
    assert shop.codes(shop.set([shop.pair("B", 8, None)])) == []
    assert shop.level("B")["available"] == 8


@pytest.mark.parametrize("literal", [False, True])
def test_absent_compare_is_refused_at_the_top_level(shop, literal):
    if literal:
        item, key = shop.items["A"], "literal"
        answer = shop.graphql(
            'mutation { inventorySetQuantities(input: {name: "available", reason:'
            f' "correction", quantities: [{{inventoryItemId: "{item}", locationId:'
            f' "gid://shopify/Location/501", quantity: 3}}]}}) @idempotent(key: "{key}")'
            " { userErrors { code } } }"
        )
    else:
        answer = shop.set([shop.pair("A", 8, MISSING)])
    assert answer["data"]["inventorySetQuantities"] is None
    assert answer["errors"][0]["extensions"]["code"] == "INVALID_FIELD_ARGUMENTS"
    assert "changeFromQuantity" in answer["errors"][0]["message"]
    assert shop.level("A")["available"] == 5


def test_two_hundred_and_fifty_pairs_are_taken_and_one_more_is_not(shop):
    shop.load({f"S{n}": {"main": {"available": 0}} for n in range(251)})
    pairs = [shop.pair(f"S{n}", n + 1, 0) for n in range(251)]
    answer = shop.set(pairs)
    assert answer["errors"][0]["extensions"]["code"] == "MAX_INPUT_SIZE_EXCEEDED"
    assert shop.level("S0")["available"] == 0
    assert shop.codes(shop.set(pairs[:250])) == []
    assert shop.level("S249")["available"] == 250


@pytest.mark.parametrize(
    "pairs, more, code",
    [
        (
            [("gid://shopify/InventoryItem/77", 1, None, "main")],
            {},
            "INVALID_INVENTORY_ITEM",
        ),
        ([("7", 1, None, "main")], {}, "INVALID_INVENTORY_ITEM"),
        ([("A", 1, None, "nowhere")], {}, "INVALID_LOCATION"),
        (
            [("A", 1, None, "main"), ("A", 2, None, "main")],
            {},
            "NO_DUPLICATE_INVENTORY_ITEM_ID_GROUP_ID_PAIR",
        ),
        ([("A", 1_000_000_001, None, "main")], {}, "INVALID_QUANTITY_TOO_HIGH"),
        ([("A", 1_000_000_000, None, "main")], {}, "INVALID_QUANTITY_TOO_HIGH"),
        ([("A", -1_000_000_001, None, "main")], {}, "INVALID_QUANTITY_TOO_LOW"),
        ([("A", -1, None, "main")], {"name": "on_hand"}, "INVALID_QUANTITY_NEGATIVE"),
        ([("A", 1, None, "main")], {"name": "committed"}, "INVALID_NAME"),
        ([("A", 1, None, "main")], {"reason": "because"}, "INVALID_REASON"),
        (
            [("A", 1, None, "main")],
            {"referenceDocumentUri": "no uri"},
            "INVALID_REFERENCE_DOCUMENT",
        ),
        (
            [("A", 1, None, "main")],
            {"referenceDocumentUri": "gid://parstock/SyncBatch"},
            "INVALID_REFERENCE_DOCUMENT",
        ),
    ],
)
def test_bad_call_is_refused_by_code(shop, pairs, more, code):
    assert shop.codes(shop.set([shop.pair(*pair) for pair in pairs], **more)) == [code]
    assert shop.level("A")["available"] == 5


@pytest.mark.parametrize(
    "uri", ["gid://parstock/SyncBatch/01H", "https://example.com/1", "batch:77"]
)
def test_good_reference_is_taken(shop, uri):
    assert shop.codes(shop.set([shop.pair("A", 6, 5)], referenceDocumentUri=uri)) == []


def test_available_may_be_negative_unless_configured(shop):
    assert shop.codes(shop.set([shop.pair("B", -4, 3)])) == []
    shop.control("config", {"allow_negative_available": False})
    assert shop.codes(shop.set([shop.pair("B", -5, -4)])) == ["INVALID_QUANTITY_NEGATIVE"]


def test_bundle_is_not_mutable(shop):
    shop.load({"KIT": {"main": {"available": 1}}}, bundle=True)
    assert shop.codes(shop.set([shop.pair("KIT", 2, 1)])) == [
        "NON_MUTABLE_INVENTORY_ITEM"
    ]


def test_untracked_item_takes_no_stock(shop):
    shop.load({"U": {"main": {"available": 0}}}, tracked=False)
    assert shop.codes(shop.set([shop.pair("U", 2, 0)])) == []
    assert shop.level("U")["available"] == 0


@pytest.mark.parametrize("mode, after", [("add", 11), ("ignore", 0), ("replace", 6)])
def test_unstocked_place_behaves_as_configured(shop, mode, after):
    shop.control("config", {"inactive_set": mode})
    shop.set([shop.pair("B", 5, None, "store")])
    shop.set([shop.pair("B", 6, None, "store")])
    level = shop.level("B", "store")
    assert (level["available"] if level else 0) == after
    assert level is None or not level["active"]


def test_write_without_effect_has_no_group(shop):
    answer = shop.set([shop.pair("A", 5, 5)])
    assert answer["data"]["inventorySetQuantities"] == {
        "inventoryAdjustmentGroup": None,
        "userErrors": [],
    }


def test_missing_scope_is_named(shop):
    shop.control("config", {"scopes": ["read_inventory"]})
    answer = shop.set([shop.pair("A", 6, 5)])
    assert answer["errors"][0]["extensions"]["code"] == "ACCESS_DENIED"
    assert "write_inventory" in answer["errors"][0]["message"]


def test_invalid_document_is_an_error_in_200(shop):
    answer = shop.graphql(document("set_quantities").replace("code", "severity"))
    assert "severity" in answer["errors"][0]["message"]
    assert "data" not in answer
