"""verify: a sample held against the shop after legitimate changes, after a bad bulk edit, and with the shop away."""

import json
from pathlib import Path
from typing import Any

from tests.harness.paths import ROOT
from tests.harness.postgres import Postgres
from tests.harness.worker import run_parstock
from tests.scenarios.drift_world import DriftWorld
from tests.scenarios.shop_world import now


def verify(world: DriftWorld, *words: str, expect: int = 0) -> Any:
    done = run_parstock("verify", *words, "-o", "json", env=world.env(), limit_s=300)
    assert done.returncode == expect, (done.returncode, done.stdout.decode(), done.stderr.decode())
    return json.loads(done.stdout) if done.stdout else done.stderr.decode()


def found(report: dict[str, Any], verdict: str = "wrong") -> set[tuple[str, str, str]]:
    return {(finding["sku"], finding["what"], finding["rule"])
            for finding in report["findings"] if finding["verdict"] == verdict}  # fmt: skip


def drawn(world: DriftWorld, run: int) -> set[tuple[str, bool]]:
    rows = world.db.execute("SELECT sku, is_high_risk FROM verify_pairs WHERE run_id = %s", (run,)).fetchall()
    return {(sku, high) for sku, high in rows}


def test_what_is_explained_and_what_is_not(run_dir: Path, kafka, postgres: Postgres) -> None:
    with DriftWorld(run_dir, kafka, postgres) as world:
        world.apply()
        skus = world.stock("item", 40)
        world.write_contract(risk={"skus": [skus[0].lower(), skus[1]]})
        world.sync()
        world.push().start(wait_ready=True)
        world.wait_par()
        off = skus[39]
        world.edit(off, available=world.level[off] + 1)  # before anything: no fault of what comes now

        # The sample: the same seed draws the same, high-risk ones are always in it.
        first, second = (verify(world, "pre", "--sample", "5", "--seed", "7") for _ in range(2))
        assert (first["pairs"], first["high_risk"], first["random"]) == (7, 2, 5)
        assert drawn(world, first["run"]) == drawn(world, second["run"])
        assert {(skus[0], True), (skus[1], True)} < drawn(world, first["run"])
        assert drawn(world, verify(world, "pre", "--sample", "5", "--seed", "8")["run"]) != drawn(world, first["run"])
        taken = verify(world, "pre", "--name", "release", "--actor", "pipeline")
        assert (taken["pairs"], taken["proves"]) == (40, "95 % sure to notice if 1 % of a shop's pairs are wrong")
        quiet = verify(world, "post", "release")
        assert (quiet["verdict"], quiet["moved"], found(quiet, "known")) == ("ok", 0, {(off, "shown", "off_before")})

        # The ordinary course of things: counts, orders that were told and one that was not.
        world.counts({sku: world.level[sku] + 9 for sku in skus[2:6]})
        world.sell(skus[6], 2)
        world.ordered(skus[6], 2, now())
        world.sell(skus[7], 1)
        world.wait_par()
        legit = verify(world, "post", "release")
        assert (legit["verdict"], legit["wrong"], legit["compared"], legit["moved"]) == ("ok", 0, 40, 6)
        assert legit["explained"]["truth_by_events"] == 4 and legit["explained"]["order_untold"] == 1
        assert legit["explained"]["shown_by_writes"] >= 4

        # A bad bulk edit, and hands in the tables.
        for sku in skus[10:16]:
            world.edit(sku, available=3)
        world.edit(skus[1], available=4)
        world.edit(skus[16], tracked=False)
        world.edit(skus[17], policy="CONTINUE")
        world.edit(skus[18], active=False)
        world.control("rename", {"sku": skus[19], "to": f"{skus[19]}-NEW"})
        world.control("remove", {"sku": skus[20]})
        world.db.execute("UPDATE levels SET quantity = quantity + 5 WHERE sku = %s", (skus[21],))
        bad = verify(world, "post", "release", expect=1)
        shown = {(sku, "shown", "shown_wrong") for sku in [skus[1], *skus[10:16], skus[21]]}
        assert found(bad) == shown | {
            (skus[16], "tracked", "tracked_changed"), (skus[17], "policy", "policy_changed"),
            (skus[18], "stocked", "unstocked"), (skus[19], "item", "sku_changed"), (skus[20], "item", "item_gone"),
            (skus[21], "truth", "truth_moved")}  # fmt: skip
        assert (bad["verdict"], bad["ok"], bad["wrong"]) == ("failed", False, 13)
        edited = next(finding for finding in bad["findings"] if finding["sku"] == skus[10])
        assert (edited["before"], edited["after"], edited["expected"]) == (str(world.level[skus[10]]), "3", str(world.level[skus[10]]))
        assert edited["cause"] == "external_writer" and "neither an order nor a write of ours" in edited["reason"]
        assert next(finding for finding in bad["findings"] if finding["sku"] == skus[1])["risk"] == "high"
        assert all((ROOT / finding["runbook"]).is_file() for finding in bad["findings"] if finding["verdict"] == "wrong")

        # What was found is kept, as text too; nothing was written to the shop by looking.
        assert verify(world, "show")["findings"] == bad["findings"]
        text = run_parstock("verify", "show", "release", "-o", "table", env=world.env()).stdout.decode()
        assert "failed: 13 of 40 pairs wrong" in text and "page: docs/runbooks/external_writer.md" in text
        listed = verify(world, "list")
        assert (listed[0]["name"], listed[0]["verdict"], listed[0]["taken_by"]) == ("release", "failed", "pipeline")
        assert world.shows(skus[10])["available"] == 3
        # Put right, the same sample is ok again but for what can't be put right here.
        for sku in [skus[1], *skus[10:16]]:
            world.edit(sku, available=world.level[sku])
        assert verify(world, "post", "release", expect=1)["wrong"] == 6

        world.shop.stop()
        assert "connect" in verify(world, "post", "release", expect=69)
        assert verify(world, "pre", "--name", "away", expect=69)
        assert "no sample" in verify(world, "post", "away", expect=64)


def test_another_build_that_shows_other_numbers_is_noticed(run_dir: Path, kafka, postgres: Postgres) -> None:
    """Levels that push was made to want without any event; and a contract file that was really changed."""
    with DriftWorld(run_dir, kafka, postgres) as world:
        world.apply()
        skus = world.stock("item", 4)
        world.sync()
        pusher = world.push().start(wait_ready=True)
        world.wait_par()
        verify(world, "pre", "--name", "build")
        assert pusher.terminate() == 0
        world.db.execute("UPDATE shop_levels SET desired = 1, shown = 1 WHERE sku = %s", (skus[0],))
        world.edit(skus[0], available=1)
        report = verify(world, "post", "build", expect=1)
        assert (skus[0], "desired", "desired_moved") in found(report) and (skus[0], "shown", "shown_wrong") in found(report)
        world.db.execute("DELETE FROM shop_levels WHERE sku = %s", (skus[1],))
        assert (skus[1], "desired", "desired_gone") in found(verify(world, "post", "build", expect=1))

        verify(world, "pre", "--name", "contract", "--sample", "400")
        world.write_contract(buffer={"fixed": 4})
        world.push("push-2").start(wait_ready=True)
        world.wait_par()
        report = verify(world, "post", "contract")
        assert report["explained"]["desired_by_contract"] >= 2
