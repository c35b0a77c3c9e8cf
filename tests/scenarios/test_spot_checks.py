"""spot-checks: what speaks for counting a shelf, and a count that becomes a row and, where the contract says so, an event."""

import json
from pathlib import Path

from tests.harness.kafka import ApacheKafka
from tests.harness.postgres import Postgres
from tests.harness.worker import run_parstock
from tests.scenarios.resolve_world import ResolveWorld
from tests.scenarios.shop_world import ShopWorld, ago
from tests.scenarios.topic import topic_records


def test_spot_checks(run_dir: Path, postgres: Postgres, kafka: ApacheKafka) -> None:
    with ResolveWorld(run_dir, kafka, postgres) as world:
        world.apply()
        for sku, quantity in (("CUP", 5), ("POT", 7), ("PAN", 9)):
            ShopWorld.count(world, sku, quantity, ago(60))
        run = world.run(3)
        world.found(run, ["POT"], cause="source_conflict", tell=False)
        for _ in range(3):
            world.found(world.run(3), ["CUP"], tell=False)

        def spot(*words: str, code: int = 0):
            done = run_parstock("spot-checks", *words, env=world.env())
            assert done.returncode == code, (done.stdout + done.stderr).decode()
            return done.stdout

        def listed(*words: str) -> list[dict]:
            return json.loads(spot("list", "-o", "json", *words))

        assert [(s["sku"], s["why"], s["books"]) for s in listed()] == [
            ("POT", "sources disagree", 7), ("CUP", "found often", 5)]  # fmt: skip
        assert {s["sku"] for s in listed("--sample", "3")} == {"CUP", "POT", "PAN"}
        assert [s["sku"] for s in listed("--limit", "1")] == ["POT"]
        assert listed("--location", "HAM") == []
        assert "WHY" in spot("list").decode()

        # Written down: no source of the contract may say it.
        check = json.loads(spot("record", " pot ", "--location", "BER", "--counted", "4", "--actor", "jo", "-o", "json"))
        assert (check["sku"], check["books"], check["verdict"], check["event_id"]) == ("POT", 7, "books_high", None)
        assert [s["sku"] for s in listed()] == ["CUP"]  # counted since
        assert world.db.execute("SELECT quantity FROM levels WHERE sku = 'POT'").fetchone() == (7,)

        # As an event: the contract has a source for it.
        world.more["sources"] = [{"name": "wms", "rank": 2, "state": "on_hand"},
                                 {"name": "spot-checks", "rank": 1, "state": "on_hand"}]  # fmt: skip
        world.write_contract()
        check = json.loads(spot("record", "CUP", "--location", "BER", "--counted", "5", "-o", "json"))
        assert check["verdict"] == "agrees" and check["event_id"] == f"spot-check-{check['id']}"
        events = [json.loads(r.value) for r in topic_records(kafka.bootstrap, f"{world.prefix}stock-changes")]
        (event,) = [e for e in events if e["source"] == "spot-checks"]
        assert (event["type"], event["sku"], event["quantity"], event["id"]) == ("stock.counted", "CUP", 5, check["event_id"])
        assert listed() == []

        spot("record", "CUP", "--location", "BER", code=64)
        spot("record", "CUP", "--location", "BER", "--counted", "-1", code=64)
        spot("record", "CUP", "--location", "LEJ", "--counted", "1", code=64)
        spot("record", "CUP", "--location", "BER", "--counted", "1", "--source", "gremlins", code=64)
        spot("count", code=64)
