"""Fields of the shop's objects as plain functions (source, args, call); queries and
bulk exports use the same ones."""

from __future__ import annotations

import re
from typing import Any, Callable

from . import gid, made_up
from .call import ApiError, Call
from .clock import iso
from .inventory import MAX_PAIRS
from .orders import Orders
from .state import NAMES, Item, Level, Location, Shop

Resolver = Callable[[Any, dict[str, Any], Call], Any]
_SKU_TERM = re.compile(r"""sku:(?:'([^']*)'|"([^"]*)"|([^\s()]+))""")


def quantities(level: Level, args: dict[str, Any], call: Call) -> list[dict[str, Any]]:
    present, unknown = level.quantities, set(args["names"]) - set(NAMES)
    if unknown:
        raise ApiError(
            "INVALID_FIELD_ARGUMENTS",
            f"The quantity name {sorted(unknown)[0]} is invalid.",
        )
    tail = f"{level.location}?inventory_item_id={level.item}&name="
    return [
        {
            "__typename": "InventoryQuantity",
            "id": f"gid://shopify/InventoryQuantity/{tail}{name}",
            "name": name,
            "quantity": present.get(name),
            "updatedAt": iso(level.dated(name)),
        }
        for name in args["names"]
    ]


class Resolvers:
    """Look-ups that need the shop. Every level that an answer shows is noted on the
    call as read."""

    def __init__(self, shop: Shop, orders: Orders) -> None:
        self._shop, self._orders = shop, orders

    def table(self) -> dict[str, dict[str, Resolver]]:
        return {
            "InventoryItem": self._item_fields(),
            "InventoryLevel": self._level_fields(),
            "Location": _location_fields() | {"inventoryLevel": self.level_at_location},
            "ProductVariant": _variant_fields(),
            "Product": {
                "id": lambda item, args, call: gid.make("Product", item.id),
                "status": lambda item, args, call: item.status,
                "tags": lambda item, args, call: list(item.tags),
            },
            "InventoryChange": self._change_fields(),
            "InventoryAdjustmentGroup": {"changes": changes},
        }

    def _item_fields(self) -> dict[str, Resolver]:
        return {
            "id": lambda item, args, call: gid.make("InventoryItem", item.id),
            "sku": lambda item, args, call: item.sku,
            "tracked": lambda item, args, call: item.tracked,
            "duplicateSkuCount": self.duplicates,
            "inventoryLevel": self.level_of_item,
            "inventoryLevels": self.levels_of_item,
            "variants": lambda item, args, call: connection(
                [Variant(item)], args, "variants"
            ),
        }

    def _level_fields(self) -> dict[str, Resolver]:
        return {
            "id": lambda level, args, call: gid.level(level.item, level.location),
            "isActive": lambda level, args, call: level.active,
            "createdAt": lambda level, args, call: iso(level.created_at),
            "updatedAt": lambda level, args, call: iso(
                max(level.updated_at.values(), default=level.created_at)
            ),
            "item": lambda level, args, call: self._shop.items[level.item],
            "location": lambda level, args, call: self._shop.locations[level.location],
            "quantities": quantities,
        }

    def _change_fields(self) -> dict[str, Resolver]:
        """A change is (name, level, delta); the quantity after it is looked up now, as
        for a repeated answer too."""
        return {
            "name": lambda change, args, call: change[0],
            "delta": lambda change, args, call: change[2],
            "quantityAfterChange": (
                lambda change, args, call: change[1].quantities.get(change[0])
            ),
            "ledgerDocumentUri": lambda change, args, call: None,
            "item": lambda change, args, call: self._shop.items[change[1].item],
            "location": lambda change, args, call: self._shop.locations[
                change[1].location
            ],
        }

    def duplicates(self, item: Item, args: dict[str, Any], call: Call) -> int:
        others = len(self._shop.by_sku.get(item.sku, ())) - 1
        return max(others, 0) if item.sku is not None else 0

    def level_of_item(self, item: Item, args: dict[str, Any], call: Call) -> Level | None:
        location = gid.number(args["locationId"], "Location")
        return None if location is None else self._level(item.id, location, args, call)

    def level_at_location(
        self, location: Location, args: dict[str, Any], call: Call
    ) -> Level | None:
        item = gid.number(args["inventoryItemId"], "InventoryItem")
        return None if item is None else self._level(item, location.id, args, call)

    def _level(
        self, item: int, location: int, args: dict[str, Any], call: Call
    ) -> Level | None:
        call.read_pairs.append(gid.pair_name(item, location))
        level = self._shop.levels.get((item, location)) or self._made_up_level(
            item, location
        )
        return (
            level
            if level is not None and (level.active or args.get("includeInactive"))
            else None
        )

    def _made_up(self, number: int) -> Item | None:
        return made_up.by_id(number, self._shop.made_up, self._shop.locations)

    def _made_up_level(self, item: int, location: int) -> Level | None:
        made = self._made_up(item)
        levels = made.levels if made is not None else []
        return next((level for level in levels if level.location == location), None)

    def levels_of_item(
        self, item: Item, args: dict[str, Any], call: Call
    ) -> dict[str, Any]:
        found = [
            level for level in item.levels if level.active or args.get("includeInactive")
        ]
        call.read_pairs.extend(
            gid.pair_name(level.item, level.location) for level in found
        )
        return connection(found, args, "inventoryLevels")

    def node(self, text: str, call: Call) -> Any:
        pair = gid.level_pair(text)
        if pair is not None:
            return self._level(*pair, {"includeInactive": True}, call)
        kind, number = gid.kind_of(text), int(
            re.sub(r"\D", "", text.rsplit("/", 1)[-1]) or 0
        )
        if kind == "Location":
            return self._shop.locations.get(number)
        if kind == "LineItem":
            line = self._orders.line(number)
            return line and {"__typename": "LineItem", "id": text, "sku": line.sku, "quantity": line.units}
        item = self._shop.items.get(number) or self._made_up(number)
        if item is None or kind == "InventoryItem":
            return item if kind == "InventoryItem" else None
        return {"ProductVariant": Variant, "Product": Product}.get(
            kind or "", lambda _: None
        )(item)

    def nodes(self, ids: list[str], call: Call) -> list[Any]:
        check_size(ids, ["nodes", "ids"])
        return [self.node(text, call) for text in ids]

    def items(self, args: dict[str, Any], call: Call) -> dict[str, Any]:
        found = list(self._shop.items.values())
        if args.get("query"):
            wanted = [
                (a or b or c).casefold() for a, b, c in _SKU_TERM.findall(args["query"])
            ]
            if not wanted:
                raise ApiError(
                    "BAD_REQUEST", "The double only imitates the search by sku."
                )
            found = [item for item in found if _near(item.sku, wanted)]
        return connection(found, args, "inventoryItems")

    def locations(self, args: dict[str, Any], call: Call) -> dict[str, Any]:
        found = sorted(self._shop.locations.values(), key=lambda location: location.name)
        return connection(
            [
                place
                for place in found
                if (place.active or args["includeInactive"])
                and (not place.fulfillment_service or args["includeLegacy"])
            ],
            args,
            "locations",
        )


class Variant:
    """An item as its variant; the double has one variant, and one product, for each
    item."""

    __slots__ = ("item",)

    def __init__(self, item: Item) -> None:
        self.item = item


class Product(Variant):
    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.item, name)


def _variant_fields() -> dict[str, Resolver]:
    return {
        "id": lambda variant, args, call: gid.make("ProductVariant", variant.item.id),
        "sku": lambda variant, args, call: variant.item.sku,
        "inventoryItem": lambda variant, args, call: variant.item,
        "inventoryPolicy": lambda variant, args, call: variant.item.policy,
        "price": lambda variant, args, call: variant.item.price,
        "requiresComponents": lambda variant, args, call: variant.item.bundle,
        "product": lambda variant, args, call: Product(variant.item),
    }


def _location_fields() -> dict[str, Resolver]:
    return {
        "id": lambda place, args, call: gid.make("Location", place.id),
        "name": lambda place, args, call: place.name,
        "isActive": lambda place, args, call: place.active,
        "fulfillsOnlineOrders": lambda place, args, call: place.fulfills_online_orders,
        "shipsInventory": lambda place, args, call: place.ships_inventory,
        "isFulfillmentService": lambda place, args, call: place.fulfillment_service,
    }


def changes(group: dict[str, Any], args: dict[str, Any], call: Call) -> list[Any]:
    items, places, names = (
        args.get("inventoryItemIds"),
        args.get("locationIds"),
        args.get("quantityNames"),
    )
    return [
        (name, level, delta)
        for name, level, delta in group["changes"]
        if (items is None or gid.make("InventoryItem", level.item) in items)
        and (places is None or gid.make("Location", level.location) in places)
        and (names is None or name in names)
    ]


def connection(found: list[Any], args: dict[str, Any], field: str) -> dict[str, Any]:
    """One page. Cursors are positions: who turns a page while a test removes an item
    may miss one."""
    first = args.get("first")
    if first is None:
        raise ApiError("BAD_REQUEST", "you must provide one of first or last")
    if not 0 < first <= MAX_PAIRS:
        raise ApiError("BAD_REQUEST", f"{field}: first must be between 1 and {MAX_PAIRS}")
    after = args.get("after")
    start = int(after) + 1 if after is not None and after.isdigit() else 0
    page = found[start : start + first]
    edges = [
        {"cursor": str(start + index), "node": node} for index, node in enumerate(page)
    ]
    return {
        "edges": edges,
        "nodes": page,
        "pageInfo": {
            "hasNextPage": start + first < len(found),
            "hasPreviousPage": start > 0,
            "startCursor": edges[0]["cursor"] if edges else None,
            "endCursor": edges[-1]["cursor"] if edges else None,
        },
    }


def check_size(values: list[Any], path: list[str]) -> None:
    if len(values) > MAX_PAIRS:
        raise ApiError(
            "MAX_INPUT_SIZE_EXCEEDED",
            f"The input array size of {len(values)} is greater than the maximum "
            f"allowed of {MAX_PAIRS} at {'.'.join(path)}.",
        )


def _near(sku: str | None, wanted: list[str]) -> bool:
    """The shop's search is no exact match: letter case and whatever follows are
    ignored."""
    return sku is not None and any(sku.casefold().startswith(term) for term in wanted)
