"""The opponents as arms: started with tables of their own, timed from assignment to the last durable commit,
their final state checked row by row. What they are: opponents/README.md."""

import os
import time
from pathlib import Path

from tests.harness.paths import DEPS
from tests.harness.ports import free_port
from tests.harness.process import Child
from tests.harness.waiting import wait_until

from .expected import compare_ids, compare_levels
from .figures import Figures, Window
from .parstock import check
from .world import Load, World

BUILT = DEPS / "opponents"
SOURCES = Path(__file__).parent / "opponents"
LIMIT_S = 900.0
# On two cores the parallel collector takes a seventh less CPU and memory than the default one.
JVM = ["java", "-XX:+UseParallelGC"]


def built() -> bool:
    return (BUILT / "stamp").exists()


def make_tables(world: World, schema: str, script: Path) -> None:
    with world.postgres.connect() as connection:
        connection.execute(f"CREATE SCHEMA {schema}")
        connection.execute(f"SET search_path = {schema}")
        connection.execute(script.read_text())
        connection.execute("CHECKPOINT")


def wait_text(child: Child, text: str) -> None:
    """Until the program has said `text` on either output."""

    def said() -> bool:
        if not child.running:
            raise RuntimeError(f"{child.name} ended with {child.returncode}\n{child.tail()}")
        return text in child.text("out") or text in child.text("err")

    wait_until(said, f"{child.name} to say {text!r}", LIMIT_S, every_s=0.005)


def measure(world: World, child: Child, load: Load, assigned: str, wait_done) -> Figures:
    wait_text(child, assigned)
    window = Window(child.pid, world.kafka.pid, world.postgres.pid)
    wait_done()
    figures = window.close(load.events)
    child.terminate()
    return figures


def prove(world: World, load: Load, schema: str, arm: str) -> None:
    found = world.fetch(f"SELECT replace(id::text, '-', '') FROM {schema}.ids")
    wrong = compare_ids(load.expected.keys, found)
    check(wrong + compare_levels(load.expected.levels, world.fetch_levels(schema)), arm)
    world.drop_schema(schema)


def franz_go(world: World, load: Load) -> Figures:
    schema = world.name("franz_go")
    make_tables(world, schema, SOURCES / "tables.sql")
    dsn = f"{world.postgres.dsn} search_path={schema}"
    argv = [BUILT / "franz_go", world.kafka.bootstrap, load.topic, dsn, str(load.events)]
    child = Child(schema, argv, world.run_dir)
    figures = measure(world, child, load, "assigned\n", lambda: wait_text(child, "done\n"))
    prove(world, load, schema, "franz_go")
    return figures


def jdbc_url(world: World, schema: str) -> str:
    return (f"jdbc:postgresql://127.0.0.1:{world.postgres.port}/postgres?user=postgres"
            f"&currentSchema={schema}&reWriteBatchedInserts=true")  # fmt: skip


def parallel_consumer(world: World, load: Load, threads: int = 8) -> Figures:
    schema = world.name("parallel_consumer")
    make_tables(world, schema, SOURCES / "tables.sql")
    argv = [*JVM, "-Xmx1g", "-cp", f"{BUILT}/classes:{BUILT}/parallel_consumer/*", "StockWorker",
            world.kafka.bootstrap, load.topic, jdbc_url(world, schema), str(load.events), str(threads), schema]  # fmt: skip
    child = Child(schema, argv, world.run_dir)
    figures = measure(world, child, load, "assigned\n", lambda: wait_text(child, "done\n"))
    prove(world, load, schema, "parallel_consumer")
    return figures


def _write_settings(world: World, load: Load, schema: str, tasks: int) -> list[Path]:
    home = world.run_dir / schema
    home.mkdir()
    worker = {"bootstrap.servers": world.kafka.bootstrap, "plugin.path": f"{BUILT}/plugins",
              "listeners": f"HTTP://127.0.0.1:{free_port()}",
              "offset.storage.file.filename": f"{home}/offsets"}  # fmt: skip
    sink = {"connection.url": jdbc_url(world, schema), "topics": load.topic, "tasks.max": str(tasks),
            "name": schema, "collection.name.format": "ids"}  # fmt: skip
    files = []
    for name, own in (("worker", worker), ("sink", sink)):
        text = (SOURCES / f"debezium/{name}.properties").read_text()
        files.append(home / f"{name}.properties")
        files[-1].write_text(text + "".join(f"{key}={value}\n" for key, value in own.items()))
    return files


def _wait_last_ids(world: World, load: Load, schema: str) -> None:
    """A task takes its partitions in order, so the last new id of each is there when all are."""
    last = list(load.expected.last_ids.values())
    query = f"SELECT count(*) FROM {schema}.ids WHERE id = ANY(%s::uuid[])"
    with world.postgres.connect() as connection:
        wait_until(lambda: connection.execute(query, [last]).fetchone()[0] == len(last),
                   "Debezium's sink to write the last ids", LIMIT_S, every_s=0.02)  # fmt: skip


def debezium(world: World, load: Load, tasks: int = 2) -> Figures:
    """Upserts ids only: no levels, no fence. Less work than the others do."""
    schema = world.name("debezium")
    make_tables(world, schema, SOURCES / "debezium/ids.sql")
    files = _write_settings(world, load, schema, tasks)
    argv = [*JVM, "-Xmx2g", f"-Dlog4j2.configurationFile={SOURCES}/debezium/log4j2.properties",
            "-cp", f"{BUILT}/debezium/*", "org.apache.kafka.connect.cli.ConnectStandalone", *files]  # fmt: skip
    child = Child(schema, argv, world.run_dir, env=dict(os.environ))
    figures = measure(world, child, load, "Adding newly assigned partitions",
                      lambda: _wait_last_ids(world, load, schema))  # fmt: skip
    found = world.fetch(f"SELECT replace(id::text, '-', '') FROM {schema}.ids")
    check(compare_ids(load.expected.ids, found), "debezium")
    world.drop_schema(schema)
    return figures
