"""Reads of levels whose last write is in doubt: one caller's business, and taken only where nothing newer is known."""

from pathlib import Path

from tests.harness.postgres import Postgres
from tests.harness.waiting import wait_until
from tests.scenarios.push_world import PushWorld


def overlapping_reads(journal: list[dict]) -> list[str]:
    """Pairs of which a read began while another one of it was under way."""
    began = {line["call"]: line["seq"] for line in journal if line["kind"] == "call"}
    spans: dict[str, list[tuple[int, int]]] = {}
    for line in journal:
        if line["kind"] == "ended":
            for pair in line["read_pairs"]:
                spans.setdefault(pair, []).append((began[line["call"]], line["seq"]))
    found = []
    for pair, times in spans.items():
        times.sort()
        found += [pair for (_, end), (begin, _) in zip(times, times[1:]) if begin < end]
    return found


def test_a_pair_is_read_by_one_caller(run_dir: Path, postgres: Postgres) -> None:
    with PushWorld(run_dir, postgres) as world:
        skus = world.load(700)
        world.sync()
        wanted = world.desire_random(skus, seed=1)
        unread = [sku for sku in skus if int(sku[-1]) < 6]
        world.db.execute("UPDATE shop_levels SET shown = NULL, dirty = true WHERE sku = ANY (%s)", (unread,))
        world.control("faults", {"rules": [{"fault": "delay", "ms": 100}, {"fault": "late", "ms": 100}]})
        push = world.push(calls=6).start()
        world.wait_par()
        world.prove(wanted)
        journal = world.journal()
        assert sum(len(line["read_pairs"]) for line in journal if line["kind"] == "ended") >= len(unread) * 3
        assert overlapping_reads(journal) == []
        assert push.terminate() == 0


def test_a_read_is_not_taken_where_something_newer_is_known(run_dir: Path, postgres: Postgres) -> None:
    """While the answer of a read is on its way, a write of the pair ends in doubt: whatever the answer says, it is old."""
    with PushWorld(run_dir, postgres) as world:
        (sku,) = world.load(1)
        world.sync()
        world.control("faults", {"next": [{"fault": "late", "ms": 2000, "ops": ["nodes"]}]})
        world.desire([(sku, "BER", 9)])
        world.db.execute("UPDATE shop_levels SET shown = NULL WHERE location = 'BER'")
        push = world.push(lease_s=20, timeout_s=8, PARSTOCK_LOG="info").start()
        wait_until(lambda: any("nodes" in line.get("fields", ()) for line in world.journal()), "the read", 30, every_s=0.02)
        wait_until(lambda: world.journal()[-1]["kind"] == "fault", "the read to be answered late", 30, every_s=0.02)
        world.control("edit", {"sku": sku, "location": "BER", "available": 7})
        world.db.execute("UPDATE shop_levels SET shown_at = clock_timestamp() WHERE location = 'BER'")
        world.wait_par()
        world.prove({(sku, "BER"): 9})
        assert [line["verdict"] for line in push.log() if line["msg"] == "write"] == ["applied"]
        assert sum(line["msg"] == "pairs read" for line in push.log()) == 2
