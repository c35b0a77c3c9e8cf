"""resync by a person: a plan, a confirmation where it is many, and what was read back."""

import json
from pathlib import Path

from tests.harness.kafka import ApacheKafka
from tests.harness.postgres import Postgres
from tests.harness.worker import run_parstock
from tests.scenarios.resolve_world import ResolveWorld


def test_resync(run_dir: Path, postgres: Postgres, kafka: ApacheKafka) -> None:
    with ResolveWorld(run_dir, kafka, postgres) as world:
        skus = world.at_par(60)
        world.db.execute("UPDATE shop_levels SET fault = 'untracked' WHERE sku = %s", [skus[59]])
        world.tamper(skus, 9)

        def resync(*words: str):
            return run_parstock("resync", *words, env=world.env())

        assert resync().returncode == 64 and resync("--all", skus[0]).returncode == 64
        assert resync("--all", "--shop", "other").returncode == 64
        assert resync("NO-SUCH-SKU").returncode == 1
        assert resync(skus[59]).returncode == 1  # push leaves it alone
        refused = resync("--location", "BER")
        assert refused.returncode == 77 and b"--confirm" in refused.stderr
        assert resync("--all", "--confirm", "other").returncode == 77
        plan = json.loads(resync("--all", "--dry-run", "-o", "json").stdout)
        assert (plan["dry_run"], plan["pairs"], plan["left_alone"], len(plan["items"])) == (True, 59, 1, 60)
        table = resync(skus[59], skus[0], "--dry-run").stdout.decode()
        assert "left alone" in table and "Nothing was done" in table
        assert world.acted() == 0

        world.push().start(wait_ready=True)
        world.resolve()
        raw = f" {skus[0].lower()} "  # any spelling
        done = resync(raw, skus[1], "--wait", "60", "--actor", "jo", "-o", "json")
        assert done.returncode == 0, done.stderr.decode()
        result = json.loads(done.stdout)
        assert (result["pairs"], result["done"], result["failed"]) == (2, 2, 0)
        rows = world.db.execute("SELECT batch, actor, is_rule, state FROM drift_actions").fetchall()
        assert rows == [(result["batch"], "jo", False, "done")] * 2
        done = resync("--all", "--confirm", "demo", "--wait", "90")
        assert done.returncode == 0 and b"59 done" in done.stdout
        shown = world.levels_shown()
        assert all(shown[sku] == 5 for sku in skus[:59]) and shown[skus[59]] == 9
        world.prove_journal()
