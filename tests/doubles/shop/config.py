"""Settings of the double: what a test may vary, with the documented behaviour as the
default."""

from __future__ import annotations

import dataclasses
from typing import Any

REASONS = (
    "correction",
    "cycle_count_available",
    "damaged",
    "movement_created",
    "movement_updated",
    "movement_received",
    "movement_canceled",
    "other",
    "promotion",
    "quality_control",
    "received",
    "reservation_created",
    "reservation_deleted",
    "reservation_updated",
    "restock",
    "safety_stock",
    "shrinkage",
)
SCOPES = (
    "read_inventory",
    "write_inventory",
    "read_locations",
    "read_products",
    "read_orders",
)

CHOICES = {
    "stale_mode": ("all_or_nothing", "partial"),
    "stale_field": ("path", "null"),
    "inactive_set": ("add", "ignore", "replace"),
    "untracked_set": ("ignore", "replace"),
    "replay": ("success", "stale"),
    "bulk_outcome": ("COMPLETED", "FAILED"),
}


class ConfigError(ValueError):
    """A setting that the double does not know or can not take."""


@dataclasses.dataclass
class Config:
    shop: str = "double.myshopify.com"
    tokens: list[str] = dataclasses.field(default_factory=lambda: ["shop-double-token"])
    clients: dict[str, str] = dataclasses.field(
        default_factory=lambda: {"client": "secret"}
    )
    token_seconds: int = 86399
    scopes: list[str] = dataclasses.field(default_factory=lambda: list(SCOPES))
    supported_versions: list[str] = dataclasses.field(default_factory=lambda: ["2026-10"])
    served_version: str = "2026-10"
    maximum_available: float = 2000.0
    restore_rate: float = 100.0
    single_query_cost: int = 1000
    mutation_cost: int = 10
    require_idempotent: bool = True
    idempotency_seconds: int = 86400
    replay: str = "success"
    stale_uses_key: bool = False
    stale_mode: str = "all_or_nothing"
    stale_field: str = "path"
    inactive_set: str = "add"
    untracked_set: str = "ignore"
    allow_negative_available: bool = True
    reasons: list[str] = dataclasses.field(default_factory=lambda: list(REASONS))
    bulk_created_polls: int = 1
    bulk_running_polls: int = 1
    bulk_outcome: str = "COMPLETED"
    bulk_error_code: str = "TIMEOUT"
    bulk_concurrent: int = 5
    bulk_made_up: int = 0

    def update(self, values: dict[str, Any]) -> None:
        """Takes all of the values, or none."""
        fields = {field.name for field in dataclasses.fields(self)}
        for name, value in values.items():
            if name not in fields:
                raise ConfigError(
                    f"unknown setting {name}; known: {', '.join(sorted(fields))}"
                )
            _check(name, value, getattr(self, name))
        for name, value in values.items():
            setattr(self, name, value)


def _check(name: str, value: Any, present: Any) -> None:
    if name in CHOICES and value not in CHOICES[name]:
        raise ConfigError(f"{name} must be one of {', '.join(CHOICES[name])}")
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if isinstance(present, bool) or not isinstance(present, (int, float)):
        fits = isinstance(value, type(present))
    else:
        fits = number and value >= 0
    if not fits:
        raise ConfigError(f"{name} must be a {type(present).__name__}, not {value!r}")
