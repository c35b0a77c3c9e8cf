"""troubleshoot: what a bundle holds, whom it suspects, what it leaves out, and what it does where something is away."""

import json
import os
from pathlib import Path
from typing import Any

import jsonschema
from confluent_kafka import Producer

from tests.harness.paths import ROOT
from tests.harness.postgres import Postgres
from tests.harness.worker import parstock_env, run_parstock
from tests.scenarios.drift_world import DriftWorld
from tests.scenarios.shop_world import now

SCHEMA = json.loads((ROOT / "schemas/troubleshoot.v1.schema.json").read_text())
# What must be in no bundle: secrets of the environment, and what a customer wrote.
SECRETS = {
    "PARSTOCK_SHOP_DEMO_WEBHOOK_SECRET": "hook-secret-4711",
    "PARSTOCK_SOURCE_WMS_TOKEN": "source-token-of-wms-0815",
    "PARSTOCK_ALERT_TEAM_URL": "https://hooks.example.com/services/T0/B0/very-secret-path",
    "PARSTOCK_KAFKA__SASL_PASSWORD": "broker-password-99",
}
CUSTOMER = ["Jane Quilldriver", "jane.quilldriver@example.com", "+49 151 7654321", "Elm Street 99"]


def bundle(folder: Path, env: dict[str, str], *flags: str, expect: int = 0) -> dict[str, Any]:
    done = run_parstock("troubleshoot", "--out", str(folder), *flags, env=env)
    assert done.returncode == expect, (done.stdout.decode(), done.stderr.decode())
    found = json.loads((folder / "bundle.json").read_text())
    jsonschema.validate(found, SCHEMA, jsonschema.Draft202012Validator, format_checker=jsonschema.FormatChecker())
    found["report"] = (folder / "report.txt").read_text()
    found["stdout"] = done.stdout.decode()
    return found


def suspects(found: dict[str, Any]) -> list[str]:
    return [suspect["id"] for suspect in found["suspects"]]


def gaps(found: dict[str, Any]) -> set[str]:
    return {gap["part"] for gap in found["gaps"]}


def test_a_bundle(tmp_path: Path, run_dir: Path, kafka, postgres: Postgres) -> None:
    (tmp_path / "old-hook").write_text("rotated-hook-secret-7\n")
    with DriftWorld(run_dir, kafka, postgres) as world:
        dsn = postgres.dsn + (" " if "://" not in postgres.dsn else ("&" if "?" in postgres.dsn else "?")) + "password=dsn-password-31337"
        env = world.env(**SECRETS, PARSTOCK_POSTGRES=dsn, PARSTOCK_SHOP_DEMO_WEBHOOK_SECRET_OLD_FILE=str(tmp_path / "old-hook"))
        secrets = [*SECRETS.values(), "dsn-password-31337", "rotated-hook-secret-7", env["PARSTOCK_SHOP_DEMO_TOKEN"]]
        world.apply()
        skus = world.stock("item", 3)
        world.sync()
        pusher = world.push().start(wait_ready=True)
        world.wait_par()
        world.drift(expect=0)

        # An incident: a shop edited by hand, an event that was refused, words of customers and secrets on the way.
        world.edit(skus[0], available=1)
        assert len(world.drift(expect=1)) == 1
        world.publish({"type": "shop.ordered", "source": "demo", "sku": skus[1], "quantity": 1, "occurred_at": now().isoformat(),
                       "reference": f"order of {CUSTOMER[0]}, {CUSTOMER[3]}"})  # fmt: skip
        broken = json.dumps({"type": "stock.counted", "source": "nobody", "note": CUSTOMER}).encode()
        producer = Producer({"bootstrap.servers": kafka.bootstrap, "log_level": 0})
        producer.produce(f"{world.prefix}dead-letters", broken, b"x", headers={"parstock.reason": b"unknown_source"})
        producer.produce(f"{world.prefix}dead-letters", broken, b"y", headers={"parstock.reason": CUSTOMER[0].encode()})
        assert producer.flush(30) == 0
        world.db.execute("UPDATE drift_runs SET detail = %s", (f"the shop said: {secrets[0]} {CUSTOMER[1]} {secrets[-1]}",))
        world.db.execute(
            "INSERT INTO incidents (id, problem, class, cause, severity, handoff, occurrences, opened_at, last_seen_at, changed_at,"
            " actor, evidence) VALUES ('inc-1', 'x', 'guard_stopped', 'unknown', 'critical', 'none', 1, now(), now(), now(), 'resolve',"
            " %s)", (json.dumps({"customer": CUSTOMER, "token": secrets[0]}),))  # fmt: skip
        world.db.execute("INSERT INTO guard_stops (shop, scope, guard) VALUES ('demo', 'drift', 'changed_percent')")
        assert pusher.terminate() == 0

        found = bundle(tmp_path / "one", env)
        assert found["gaps"] == [] and found["contract"] and found["schema_version"] == found["schema_version_of_build"]
        evidence = found["evidence"]
        assert suspects(found)[0] == "guard_stands" and {"contract_changed", "schema_changed"} <= set(suspects(found))
        assert [row["cause"] for row in evidence["findings"]] == ["external_writer"]
        assert evidence["incidents"][0] | {"id": "inc-1", "class": "guard_stopped", "severity": "critical"} == evidence["incidents"][0]
        assert {row["reason"]: row["letters"] for row in evidence["dead_letters"]} == {"unknown_source": "1", "other": "1"}
        assert len(evidence["lag"]) == 3 and {row["waiting"] for row in evidence["lag"]} == {"0"}
        assert evidence["last_good"][0]["clean_comparison"] and evidence["last_good"][0]["write"]
        assert [row["answers"] for row in evidence["shops"]] == ["yes"]
        assert any(row["state"] == "applied" for row in evidence["writes"]) and evidence["catalogues"]
        assert {"variable": "PARSTOCK_SHOP_DEMO_TOKEN"} in evidence["settings"]
        assert "$ parstock incidents show ID" in found["report"] and "page: docs/runbooks/guard-stopped.md" in found["report"]
        assert all((ROOT / suspect["runbook"]).is_file() for suspect in found["suspects"])

        # Nothing of it leaves the house; the redaction was needed, and is seen to have worked.
        everything = "".join(path.read_text() for path in (tmp_path / "one").iterdir()) + found["stdout"]
        assert [word for word in [*secrets, *CUSTOMER] if word in everything] == []
        assert "the shop said: [redacted] [redacted] [redacted]" in everything
        assert {oct(path.stat().st_mode & 0o777) for path in (tmp_path / "one").iterdir()} == {"0o600"}

        # A bundle is never written over another one.
        again = run_parstock("troubleshoot", "--out", str(tmp_path / "one"), env=env)
        assert again.returncode == 64 and b"a bundle is there already" in again.stderr

        # The shop is away; then the broker too, and the contract file.
        world.shop.stop()
        found = bundle(tmp_path / "two", env)
        assert gaps(found) == {"shop"} and suspects(found)[0] == "shop_away"
        found = bundle(tmp_path / "three", env | {"PARSTOCK_KAFKA_BROKERS": "127.0.0.1:1", "PARSTOCK_CONTRACT": str(tmp_path / "none")})
        assert gaps(found) == {"kafka", "contract"} and suspects(found)[0] == "broker_away"
        assert found["evidence"]["findings"] and "kafka: " in found["report"]


def test_without_a_database_and_without_anything(tmp_path: Path, kafka) -> None:
    nothing = parstock_env(postgres="host=127.0.0.1 port=1 password=dsn-password-31337")
    found = bundle(tmp_path / "none", nothing, expect=69)
    assert gaps(found) == {"postgres", "kafka", "contract"} and suspects(found)[:2] == ["database_away", "broker_away"]
    assert "dsn-password-31337" not in json.dumps(found)
    found = bundle(tmp_path / "some", nothing | {"PARSTOCK_KAFKA_BROKERS": kafka.bootstrap})
    assert gaps(found) == {"postgres", "contract"} and found["evidence"]["topics"]
    done = run_parstock("troubleshoot", "--hours", "0", env=nothing)
    assert done.returncode == 64


def test_the_default_folder_bears_the_time(tmp_path: Path) -> None:
    """Beside whoever asks: run from another folder."""
    import subprocess

    from tests.harness.paths import parstock

    done = subprocess.run([parstock(), "troubleshoot"], env=parstock_env(), cwd=tmp_path, capture_output=True, timeout=120)
    assert done.returncode == 69, done.stderr
    (folder,) = os.listdir(tmp_path)
    assert folder.startswith("parstock-troubleshoot-2") and (tmp_path / folder / "report.txt").exists()
