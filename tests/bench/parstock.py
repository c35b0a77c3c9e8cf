"""parstock's own arms: the whole worker, and its lanes fed from memory."""

import json
import time

from tests.harness.worker import Worker, run_parstock

from . import workload
from .expected import compare_ids, compare_levels
from .figures import Figures, Window
from .world import Load, World


class Wrong(Exception):
    """The final state of a run is not what the events say."""


def check(complaints: list[str], arm: str) -> None:
    if complaints:
        raise Wrong(f"{arm} ended wrong: {'; '.join(complaints)}")


def audit(env: dict[str, str]) -> dict:
    answer = run_parstock("audit", "-o", "json", env=env, limit_s=1800)
    result = json.loads(answer.stdout)
    if answer.returncode != 0:
        raise Wrong(f"audit: {result}")
    return result


def prove(world: World, env: dict[str, str], load: Load) -> dict:
    """Audit, outcomes, ids and levels against the account of the load; the outcomes."""
    schema, expected = env["PARSTOCK_SCHEMA"], load.expected
    result = audit(env)
    counted = {name: n for name, n in result["outcomes"].items() if n}
    wrong = [] if counted == expected.outcomes else [f"outcomes {counted}, not {dict(expected.outcomes)}"]
    wrong += compare_ids(expected.ids, world.fetch(f"SELECT event_id FROM {schema}.idempotency"))
    check(wrong + compare_levels(expected.levels, world.fetch_levels(schema)), "parstock")
    return counted


class Progress:
    """The table `progress` of a schema, read on a connection of its own."""

    def __init__(self, world: World, schema: str):
        self._connection = world.postgres.connect()
        self._sums = f"SELECT coalesce(sum(epoch), 0), coalesce(sum(read), 0), count(*) FROM {schema}.progress"

    def sums(self) -> tuple[int, int, int]:
        return self._connection.execute(self._sums, prepare=True).fetchone()

    def wait_owned(self, epochs_before: int) -> None:
        """Until every partition has been taken once more."""
        while self.sums()[0] < epochs_before + workload.PARTITIONS:
            time.sleep(0.005)

    def wait_read(self, events: int) -> None:
        while self.sums()[1] < events:
            time.sleep(0.01)

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_exc) -> None:
        self._connection.close()


def run_worker(world: World, env: dict[str, str], events: int) -> Figures:
    """One `apply` over the next `events` events of the topic, started and stopped."""
    worker = Worker("apply", env, world.run_dir, name=world.name("apply"))
    with Progress(world, env["PARSTOCK_SCHEMA"]) as progress:
        epochs, read, _ = progress.sums()
        worker.start()
        progress.wait_owned(epochs)
        window = Window(worker.pid, world.kafka.pid, world.postgres.pid)
        progress.wait_read(read + events)
        figures = window.close(events)
    worker.terminate()
    return figures


def whole_worker(world: World, load: Load, lanes: int) -> Figures:
    env = world.env(lanes)
    figures = run_worker(world, env, load.events)
    figures.outcomes = prove(world, env, load)
    world.drop_schema(env["PARSTOCK_SCHEMA"])
    return figures


def from_memory(world: World, load: Load, lanes: int) -> Figures:
    env = world.env(lanes)
    window = Window(None, None, world.postgres.pid)
    timed = world.run_tool("apply_from_memory", world.contract, load.path, workload.PARTITIONS, lanes, env=env)
    figures = window.close(load.events)
    figures.seconds, figures.client = timed["seconds"], timed["cpu_seconds"]
    figures.outcomes = prove(world, env, load)
    world.drop_schema(env["PARSTOCK_SCHEMA"])
    return figures
