"""The whole loop: somebody writes the shop, drift finds it, resolve has it mended or asks a person, push mends it."""

import json
from pathlib import Path

import pytest

from tests.harness.postgres import Postgres
from tests.harness.waiting import wait_until
from tests.harness.worker import Worker, run_parstock
from tests.scenarios.drift_world import DriftWorld

LIMIT_S = 90


@pytest.fixture
def world(run_dir: Path, kafka, postgres: Postgres):
    with DriftWorld(run_dir, kafka, postgres) as world:
        world.more["drift"] |= {"hot_seconds": 2, "interval_seconds": 4}
        world.write_contract(risk={"skus": ["DEAR-00000"]})
        world.apply()
        yield world


def start(world: DriftWorld, *names: str) -> None:
    for name in names:
        worker = Worker(name, world.env(), world.run_dir)
        world.workers.append(worker)
        worker.start(wait_ready=True)


def incidents(world: DriftWorld, *flags: str) -> list[dict]:
    done = run_parstock("incidents", "list", *flags, "-o", "jsonl", env=world.env())
    assert done.returncode == 0, done.stderr.decode()
    return [json.loads(line) for line in done.stdout.splitlines()]


def available(world: DriftWorld, sku: str) -> int:
    return world.shows(sku)["available"]


def test_low_risk_is_mended_and_high_risk_waits_for_a_person(world: DriftWorld) -> None:
    (cheap,), (dear,) = world.stock("cheap", 1), world.stock("dear", 1)
    world.sync()
    world.push().start(wait_ready=True)
    world.wait_par()
    start(world, "resolve", "drift", "notify")
    world.edit(cheap, available=world.level[cheap] + 7)
    world.edit(dear, available=world.level[dear] + 9)

    wait_until(lambda: available(world, cheap) == world.level[cheap], "the cheap one to be mended", LIMIT_S)
    wait_until(lambda: incidents(world), "an incident", LIMIT_S)
    (incident,) = incidents(world)
    assert (incident["sku"], incident["cause"], incident["state"]) == (dear, "external_writer", "opened")
    assert available(world, dear) == world.level[dear] + 9, "a high-risk level was written unasked"
    done = run_parstock("incidents", "approve", incident["incident_id"], "--actor", "ana", env=world.env())
    assert done.returncode == 0, done.stderr.decode()
    wait_until(lambda: available(world, dear) == world.level[dear], "the dear one to be mended", LIMIT_S)
    wait_until(lambda: not incidents(world), "the incident to end by itself", LIMIT_S)
    world.prove_journal()
