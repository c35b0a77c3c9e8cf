"""A small client of the double for its own tests: keeps one connection, asks with
parstock's documents."""

from __future__ import annotations

import http.client
import itertools
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

DOCUMENTS = Path(__file__).resolve().parents[2] / "schemas" / "graphql"
TOKEN = "shop-double-token"
MISSING = object()


def document(name: str) -> str:
    return (DOCUMENTS / f"{name}.graphql").read_text()


class ShopClient:
    def __init__(self, url: str, timeout_s: float = 10) -> None:
        self.host = urlsplit(url).netloc
        self._connection = http.client.HTTPConnection(self.host, timeout=timeout_s)
        self._keys = itertools.count(1)
        self.items: dict[str, str] = {}
        self.headers: dict[str, str] = {}

    def close(self) -> None:
        self._connection.close()

    # HTTP

    def request(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        headers: dict[str, str] | None = None,
    ) -> tuple[int, bytes]:
        try:
            self._connection.request(method, path, body, headers or {})
            answer = self._connection.getresponse()
            data = answer.read()
        except (OSError, http.client.HTTPException):
            self._connection.close()
            raise
        self.headers = {name.lower(): value for name, value in answer.getheaders()}
        return answer.status, data

    def control(
        self, name: str, value: dict[str, Any] | None = None, status: int = 200
    ) -> dict[str, Any]:
        code, data = self.request(
            "POST", f"/_double/{name}", json.dumps(value or {}).encode()
        )
        assert code == status, data
        return json.loads(data)

    def post(
        self,
        query: str,
        variables: dict[str, Any] | None = None,
        token: str | None = TOKEN,
        version: str = "2026-10",
    ) -> tuple[int, bytes]:
        body = json.dumps({"query": query, "variables": variables or {}}).encode()
        headers = {"Content-Type": "application/json"}
        if token is not None:
            headers["X-Shopify-Access-Token"] = token
        return self.request("POST", f"/admin/api/{version}/graphql.json", body, headers)

    def graphql(
        self, query: str, variables: dict[str, Any] | None = None, **more: Any
    ) -> dict[str, Any]:
        status, data = self.post(query, variables, **more)
        assert status == 200, data
        return json.loads(data)

    # The shop

    def load(self, levels: dict[str, dict[str, Any]], **item: Any) -> None:
        self.control(
            "catalog",
            {
                "locations": [
                    {"id": 501, "name": "main"},
                    {"id": 502, "name": "store"},
                    {"id": 503, "name": "closed", "active": False},
                ]
            },
        )
        answer = self.control(
            "catalog",
            {
                "items": [
                    {"sku": sku, "levels": places, **item}
                    for sku, places in levels.items()
                ]
            },
        )
        self.items.update(zip(levels, answer["ids"]))

    def pair(
        self, sku: str, quantity: int, was: Any, place: str = "main"
    ) -> dict[str, Any]:
        item = self.items.get(sku, sku)
        location = {"main": 501, "store": 502, "closed": 503}.get(place, 999)
        pair = {
            "inventoryItemId": item,
            "locationId": f"gid://shopify/Location/{location}",
            "quantity": quantity,
        }
        return pair if was is MISSING else {**pair, "changeFromQuantity": was}

    def set_variables(
        self,
        pairs: list[dict[str, Any]],
        key: str | None = None,
        name: str = "available",
        **more: Any,
    ) -> dict[str, Any]:
        return {
            "key": key or f"key-{next(self._keys)}",
            "input": {"name": name, "reason": "correction", "quantities": pairs, **more},
        }

    def set(
        self,
        pairs: list[dict[str, Any]],
        key: str | None = None,
        name: str = "available",
        **more: Any,
    ) -> dict[str, Any]:
        return self.graphql(
            document("set_quantities"), self.set_variables(pairs, key, name, **more)
        )

    def codes(self, answer: dict[str, Any]) -> list[str]:
        return [e["code"] for e in answer["data"]["inventorySetQuantities"]["userErrors"]]

    def level(self, sku: str, place: str = "main") -> dict[str, Any] | None:
        location = {"main": 501, "store": 502, "closed": 503}[place]
        found = [
            level
            for level in self.levels()
            if level["item"] == self.items[sku]
            and level["location"] == f"gid://shopify/Location/{location}"
        ]
        return found[0] if found else None

    def levels(self) -> list[dict[str, Any]]:
        return json.loads(self.request("GET", "/_double/state")[1])["levels"]

    def journal(self, after: int = 0) -> list[dict[str, Any]]:
        _, data = self.request("GET", f"/_double/journal?after={after}")
        return [json.loads(line) for line in data.splitlines()]

    def since_reset(self) -> list[dict[str, Any]]:
        lines = self.journal()
        last = max(index for index, line in enumerate(lines) if line["kind"] == "reset")
        return lines[last + 1 :]

    def check(self) -> dict[str, Any]:
        return json.loads(self.request("GET", "/_double/check")[1])
