"""The parts of the way one by one: what the broker's client, decoding and COPY give when nothing else happens."""

import json
import re
import subprocess

from tests.harness.paths import BUILD

from . import workload
from .figures import Figures, Window
from .world import Load, World

_DECODED = re.compile(r"and its key\s+(\d+) ns")


def bare_consume(world: World, load: Load) -> Figures:
    """librdkafka reads the topic and counts bytes."""
    window = Window(None, world.kafka.pid, None)
    timed = world.run_tool("bare_consume", world.kafka.bootstrap, load.topic, workload.PARTITIONS, load.events)
    figures = window.close(load.events)
    figures.seconds, figures.client = timed["seconds"], timed["cpu_seconds"]
    figures.rss_mib = timed["rss_kib"] / 1024
    return figures


def decode(world: World, load: Load) -> Figures:
    """One thread decodes, judges and keys events from memory."""
    argv = [BUILD / "tests/bench/bench_decode", world.contract, str(min(load.events, 500_000))]
    text = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=600).stdout
    seconds = int(_DECODED.search(text)[1]) * load.events / 1e9
    return Figures(load.events, seconds, client=seconds)


def copy_ceiling(world: World, load: Load, connections: int) -> Figures:
    """Binary COPY of narrow rows into a table without an index, 5,000 a transaction."""
    table = world.name("copied")
    window = Window(None, None, world.postgres.pid)
    timed = world.run_tool("copy_ceiling", world.postgres.dsn, table, load.events, connections)
    figures = window.close(load.events)
    figures.seconds, figures.client = timed["seconds"], timed["cpu_seconds"]
    with world.postgres.connect() as connection:
        rows = connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        assert rows == timed["rows"], json.dumps([rows, timed])
        connection.execute(f"DROP TABLE {table}")
    return figures
