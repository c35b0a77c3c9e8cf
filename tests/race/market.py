"""The shop of a campaign: the double as a process, one item a race at one location, and what customers do to it."""

import json
from pathlib import Path
from typing import Any, Iterable, Iterator, Sequence

from tests.doubles.shop_client import ShopClient
from tests.harness.shop import Shop

from .events import PLACE
from .shelf import Race

LOCATION = 501
CHUNK = 100  # lines of one call: between two calls others get their turn
# A large shop's bucket: how fast it fills is not the question here, but it does run dry.
BUCKET = {"maximum_available": 20000, "restore_rate": 2000}

Line = tuple[Race, int]


class Market:
    def __init__(self, run_dir: Path, name: str):
        self.shop = Shop(run_dir, name=name, config=BUCKET)
        self.items: dict[str, str] = {}  # SKU to the shop's id
        self.client: ShopClient

    def __enter__(self) -> "Market":
        self.shop.start()
        self.client = ShopClient(self.shop.url, timeout_s=120)
        return self

    def __exit__(self, *_exc: object) -> None:
        self.client.close()
        self.shop.stop()

    def open(self, races: Sequence[Race]) -> None:
        """The goods, as much as the shop shows of them, and what really lies on the shelf."""
        self.client.control("catalog", {"locations": [{"id": LOCATION, "name": PLACE}]})
        items = [{"sku": race.sku, "levels": {PLACE: {"available": race.script.shown}}} for race in races]
        answer = self.client.control("catalog", {"items": items})
        self.items = dict(zip((race.sku for race in races), answer["ids"]))
        self.receive([(race, race.script.stock) for race in races])

    def pair(self, race: Race) -> str:
        """As the journal calls it."""
        return f"{self.items[race.sku].rsplit('/', 1)[1]}@{LOCATION}"

    # What the world does; moments are microseconds

    def _calls(self, control: str, lines: Sequence[Line], **more: Any) -> Iterator[tuple[Sequence[Line], dict]]:
        for at in range(0, len(lines), CHUNK):
            part = lines[at : at + CHUNK]
            told = [{"sku": race.sku, "location": LOCATION, "quantity": units} for race, units in part]
            yield part, self.client.control(control, {"lines": told, **more})

    def receive(self, lines: Sequence[Line]) -> None:
        for _ in self._calls("shelf", lines):
            pass

    def buy(self, lines: Sequence[Line]) -> Iterator[tuple[Race, int, int | None]]:
        """Race, units, and when it was sold; None: the shop had too little."""
        for part, answer in self._calls("order", lines, action="buy"):
            at = round(answer["t"] * 1e6)
            for (race, units), accepted in zip(part, answer["accepted"], strict=True):
                yield race, units, at if accepted else None

    def move(self, action: str, lines: Sequence[Line]) -> Iterator[int]:
        """`cancel` or `fulfil`: when each happened."""
        for part, answer in self._calls("order", lines, action=action):
            yield from [round(answer["t"] * 1e6)] * len(part)

    # What it is like

    def levels(self) -> dict[str, dict[str, int]]:
        levels = json.loads(self.client.request("GET", "/_double/state")[1])["levels"]
        return {level["sku"]: {name: level[name] for name in ("available", "on_hand")} for level in levels}

    def journal(self) -> Iterable[dict[str, Any]]:
        with open(self.shop.state_dir / "journal.jsonl", "rb") as lines:
            for line in lines:
                yield json.loads(line)
