"""Access tokens: fixed ones, and those of the client credentials grant, which expire by
the double's clock."""

from __future__ import annotations

import secrets
import threading
from urllib.parse import parse_qs

from .clock import Clock
from .config import Config


class Tokens:
    def __init__(self, config: Config, clock: Clock) -> None:
        self._config, self._clock = config, clock
        self._lock = threading.Lock()
        self._issued: dict[str, float] = {}

    def valid(self, token: str | None) -> bool:
        if token is None:
            return False
        with self._lock:
            return (
                token in self._config.tokens
                or self._issued.get(token, 0.0) > self._clock.now()
            )

    def revoke_all(self) -> None:
        with self._lock:
            self._issued.clear()

    def grant(self, form: bytes) -> tuple[int, dict[str, object]]:
        fields = {
            name: values[0]
            for name, values in parse_qs(form.decode("utf-8", "replace")).items()
        }
        if fields.get("grant_type") != "client_credentials":
            return 400, {"error": "unsupported_grant_type"}
        expected = self._config.clients.get(fields.get("client_id", ""))
        if expected is None or not secrets.compare_digest(
            expected, fields.get("client_secret", "")
        ):
            return 401, {"error": "invalid_client"}
        token = "shop-double-" + secrets.token_hex(16)
        with self._lock:
            self._issued[token] = self._clock.now() + self._config.token_seconds
        return 200, {
            "access_token": token,
            "scope": ",".join(self._config.scopes),
            "expires_in": self._config.token_seconds,
        }
