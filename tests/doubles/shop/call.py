"""One call in hand: who asks, what was decided to go wrong with it, and what it has
read."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

from graphql import GraphQLError


@dataclass(slots=True)
class Call:
    id: int
    delay_seconds: float = 0.0
    stopping: threading.Event = field(default_factory=threading.Event)
    raw_variables: dict[str, Any] = field(default_factory=dict)
    base_url: str = ""
    read_pairs: list[str] = field(default_factory=list)
    outcome: str = "not_run"

    def pause(self) -> None:
        """The injected processing time; it ends early when the double stops."""
        if self.delay_seconds > 0:
            self.stopping.wait(self.delay_seconds)


class ApiError(GraphQLError):
    """A refusal at the top level of the answer: HTTP 200, `errors[]` with a code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message, extensions={"code": code})
