"""Waiting for a condition with a limit: the only way the tests wait."""

import time
from typing import Callable, TypeVar

T = TypeVar("T")


class Timeout(AssertionError):
    """The condition did not come true within its limit."""


def wait_until(
    condition: Callable[[], T],
    what: str,
    limit_s: float = 30.0,
    every_s: float = 0.05,
) -> T:
    """The first truthy value of condition(). `what` is named if it never comes."""
    deadline = time.monotonic() + limit_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise Timeout(f"waited {limit_s:g} s in vain for: {what}")
        time.sleep(every_s)
