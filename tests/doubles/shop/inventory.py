"""inventorySetQuantities and inventoryActivate: the run-time rules that the schema does
not show."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from typing import Any, Callable

from . import gid
from .call import ApiError, Call
from .clock import Clock, iso
from .config import Config
from .idempotency import MESSAGES, IdempotencyStore
from .journal import Journal
from .state import Change, Item, Level, Quantities, Shop

LIMIT = 1_000_000_000
MAX_PAIRS = 250
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:(//)?[^\s/][^\s]*")
_GID_URI = re.compile(r"gid://[^/\s]+/[^/\s]+/\S+")

Args = dict[str, Any]
Error = dict[str, Any]


def error(code: str, message: str, field: list[str] | None = None) -> Error:
    return {"code": code, "field": field, "message": message}


class Inventory:
    def __init__(
        self, shop: Shop, config: Config, clock: Clock, journal: Journal
    ) -> None:
        self._shop, self._config, self._clock, self._journal = (
            shop,
            config,
            clock,
            journal,
        )
        self.keys = IdempotencyStore()
        self._group_ids = itertools.count(1)

    # The frame that both mutations share

    def _once(
        self, call: Call, key: str | None, fingerprint: str, work: Callable[[], Args]
    ) -> Args:
        """Runs work at most once a key; work itself spends the key or leaves it free."""
        if key is None:
            call.pause()
            return work()
        verdict = self.keys.begin(
            key, fingerprint, self._clock.now(), self._config.idempotency_seconds
        )
        if verdict.code:
            call.outcome = (
                "in_progress"
                if verdict.code == "IDEMPOTENCY_CONCURRENT_REQUEST"
                else "refused"
            )
            self._journal.write("refused", call=call.id, key=key, codes={verdict.code: 1})
            return {"userErrors": [error(verdict.code, MESSAGES[verdict.code])]}
        if verdict.record is not None:
            return self._repeat(call, key, verdict.record.result)
        try:
            call.pause()
            return work()
        finally:
            self.keys.release(key)

    def _repeat(self, call: Call, key: str, result: Args) -> Args:
        if self._config.replay == "stale" and "inventoryAdjustmentGroup" in result:
            call.outcome = "refused"
            self._journal.write(
                "refused", call=call.id, key=key, codes={"CHANGE_FROM_QUANTITY_STALE": 1}
            )
            return {"userErrors": [_stale(None)]}
        call.outcome = "replayed"
        self._journal.write("replayed", call=call.id, key=key)
        return result

    def _settle(self, key: str | None, payload: Args) -> Args:
        if key is not None:
            self.keys.succeed(key, payload)
        return payload

    def _refuse(
        self, call: Call, key: str | None, errors: list[Error], **empty: Any
    ) -> Args:
        call.outcome = "refused"
        codes = Counter(e.get("code") or "USER_ERROR" for e in errors)
        self._journal.write("refused", call=call.id, key=key, codes=dict(codes))
        if (
            key is not None
            and self._config.stale_uses_key
            and codes["CHANGE_FROM_QUANTITY_STALE"]
        ):
            self.keys.fail(key)
        return {**empty, "userErrors": errors}

    # inventorySetQuantities

    def set_quantities(
        self, call: Call, key: str | None, fingerprint: str, args: Args
    ) -> Args:
        for quantity in args["quantities"]:
            if "changeFromQuantity" not in quantity:
                raise ApiError(
                    "INVALID_FIELD_ARGUMENTS",
                    "InventoryQuantityInput must include the following argument:"
                    " changeFromQuantity.",
                )
        return self._once(call, key, fingerprint, lambda: self._set(call, key, args))

    def _set(self, call: Call, key: str | None, args: Args) -> Args:
        with self._shop.lock:
            errors = self._call_errors(args)
            if errors:
                return self._refuse(call, key, errors)
            found = [
                self._pair_error(index, args["name"], pair)
                for index, pair in enumerate(args["quantities"])
            ]
            errors = [e for e in found if e is not None]
            if errors and (
                self._config.stale_mode == "all_or_nothing" or len(errors) == len(found)
            ):
                return self._refuse(call, key, errors)
            good = [pair for pair, e in zip(args["quantities"], found) if e is None]
            changes = [self._apply(args["name"], pair) for pair in good]
            self._journal.write(
                "applied",
                call=call.id,
                key=key,
                name=args["name"],
                changes=[change.journal() for change in changes if change],
            )
            call.outcome = "applied"
            group = self._group(args, [c for c in changes if c and c.before != c.after])
            return self._settle(
                key, {"inventoryAdjustmentGroup": group, "userErrors": errors}
            )

    def _call_errors(self, args: Args) -> list[Error]:
        errors = []
        if args["name"] not in ("available", "on_hand"):
            errors.append(
                error(
                    "INVALID_NAME",
                    "The quantity name must be either 'available' or 'on_hand'.",
                    ["input", "name"],
                )
            )
        if args["reason"] not in self._config.reasons:
            errors.append(
                error(
                    "INVALID_REASON",
                    "The specified reason is invalid.",
                    ["input", "reason"],
                )
            )
        if not _reference_is_valid(args.get("referenceDocumentUri")):
            errors.append(
                error(
                    "INVALID_REFERENCE_DOCUMENT",
                    "The specified reference document is invalid.",
                    ["input", "referenceDocumentUri"],
                )
            )
        seen: set[tuple[str, str]] = set()
        for index, pair in enumerate(args["quantities"]):
            name = (pair["inventoryItemId"], pair["locationId"])
            if name in seen:
                errors.append(
                    error(
                        "NO_DUPLICATE_INVENTORY_ITEM_ID_GROUP_ID_PAIR",
                        "The combination of inventoryItemId and locationId must be"
                        " unique.",
                        _path(index, "locationId"),
                    )
                )
            seen.add(name)
        return errors

    def _pair_error(self, index: int, name: str, pair: Args) -> Error | None:
        item = self._item(pair["inventoryItemId"])
        location = gid.number(pair["locationId"], "Location")
        if item is None:
            return error(
                "INVALID_INVENTORY_ITEM",
                "The specified inventory item could not be found.",
                _path(index, "inventoryItemId"),
            )
        if location not in self._shop.locations:
            return error(
                "INVALID_LOCATION",
                "The specified location could not be found.",
                _path(index, "locationId"),
            )
        if not item.mutable:
            return error(
                "NON_MUTABLE_INVENTORY_ITEM",
                "The specified inventory item is not allowed to be adjusted "
                "via API. Example: if the inventory item is a parent bundle.",
                _path(index, "inventoryItemId"),
            )
        present = self._quantities(item.id, location)
        bounds = self._bounds_error(index, name, pair["quantity"], present)
        if bounds is not None:
            return bounds
        expected = pair["changeFromQuantity"]
        if expected is not None and expected != present.get(name):
            by_path = self._config.stale_field == "path"
            return _stale(_path(index, "changeFromQuantity") if by_path else None)
        return None

    def _bounds_error(
        self, index: int, name: str, quantity: int, present: Quantities
    ) -> Error | None:
        field = _path(index, "quantity")
        if quantity > LIMIT or present.with_value(name, quantity).on_hand > LIMIT:
            return error(
                "INVALID_QUANTITY_TOO_HIGH",
                "The total quantity can't be higher than 1,000,000,000.",
                field,
            )
        if quantity < -LIMIT:
            return error(
                "INVALID_QUANTITY_TOO_LOW",
                "The total quantity can't be lower than -1,000,000,000.",
                field,
            )
        if quantity < 0 and (
            name == "on_hand" or not self._config.allow_negative_available
        ):
            return error(
                "INVALID_QUANTITY_NEGATIVE", "The quantity can't be negative.", field
            )
        return None

    def _apply(self, name: str, pair: Args) -> Change | None:
        item = self._item(pair["inventoryItemId"])
        location = gid.number(pair["locationId"], "Location")
        assert item is not None and location is not None, "checked by _pair_error"
        if not item.tracked and self._config.untracked_set == "ignore":
            return None
        level, quantity, now = (
            self._shop.levels.get((item.id, location)),
            pair["quantity"],
            self._clock.now(),
        )
        if level is None or not level.active:
            if self._config.inactive_set == "ignore":
                return None
            level = level or self._shop.add_level(
                item, location, Quantities(), False, now
            )
            if self._config.inactive_set == "add":
                quantity += level.quantities.get(name)
        return self._shop.put(level, level.quantities.with_value(name, quantity), now)

    def _group(self, args: Args, changes: list[Change]) -> Args | None:
        """A write that changed nothing makes no group."""
        if not changes:
            return None
        return {
            "id": gid.make("InventoryAdjustmentGroup", next(self._group_ids)),
            "createdAt": iso(self._clock.now()),
            "reason": args["reason"],
            "referenceDocumentUri": args.get("referenceDocumentUri"),
            "changes": [
                (name, change.level, change.after.get(name) - change.before.get(name))
                for change in changes
                for name in ("available", "on_hand")
            ],
        }

    # inventoryActivate

    def activate(self, call: Call, key: str | None, fingerprint: str, args: Args) -> Args:
        if args.get("stockAtLegacyLocation"):
            raise ApiError(
                "BAD_REQUEST", "The double does not imitate stockAtLegacyLocation: true."
            )
        return self._once(call, key, fingerprint, lambda: self._activate(call, key, args))

    def _activate(self, call: Call, key: str | None, args: Args) -> Args:
        with self._shop.lock:
            item, location = self._item(args["inventoryItemId"]), gid.number(
                args["locationId"], "Location"
            )
            level = (
                self._shop.levels.get((item.id, location)) if item and location else None
            )
            message = self._activation_error(item, location, level, args)
            if message is not None:
                return self._refuse(call, key, [{"field": None, "message": message}])
            assert (
                item is not None and location is not None
            ), "checked by _activation_error"
            now = self._clock.now()
            level = level or self._shop.add_level(item, location, Quantities(), True, now)
            level.active = True
            name, quantity = _initial(args)
            after = (
                level.quantities
                if quantity is None
                else level.quantities.with_value(name, quantity)
            )
            change = self._shop.put(level, after, now)
            self._journal.write(
                "applied",
                call=call.id,
                key=key,
                name="activate",
                changes=[change.journal()],
            )
            call.outcome = "applied"
            return self._settle(key, {"inventoryLevel": level, "userErrors": []})

    def _activation_error(
        self, item: Item | None, location: int | None, level: Level | None, args: Args
    ) -> str | None:
        if item is None:
            return "The specified inventory item could not be found."
        place = self._shop.locations.get(location) if location is not None else None
        if place is None or not place.active:
            return "The specified location could not be found."
        given = [name for name in ("available", "onHand") if args.get(name) is not None]
        if len(given) == 2:
            return "Only one of available and onHand can be given."
        if given and level is not None and level.active:
            return (
                "Not allowed to set available quantity when the item is already active at"
                " the location."
            )
        return None

    # Look-ups

    def _item(self, text: str) -> Item | None:
        number = gid.number(text, "InventoryItem")
        return self._shop.items.get(number) if number is not None else None

    def _quantities(self, item: int, location: int) -> Quantities:
        level = self._shop.levels.get((item, location))
        return level.quantities if level is not None else Quantities()


def _stale(field: list[str] | None) -> Error:
    return error(
        "CHANGE_FROM_QUANTITY_STALE",
        "The changeFromQuantity value does not match persisted value.",
        field,
    )


def _path(index: int, name: str) -> list[str]:
    return ["input", "quantities", str(index), name]


def _initial(args: Args) -> tuple[str, int | None]:
    if args.get("onHand") is not None:
        return "on_hand", args["onHand"]
    return "available", args.get("available")


def _reference_is_valid(uri: str | None) -> bool:
    if uri is None:
        return True
    if uri.startswith("gid:"):
        return _GID_URI.fullmatch(uri) is not None
    return _URI.fullmatch(uri) is not None
