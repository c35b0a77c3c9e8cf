"""Does the ledger keep its speed as it grows? It is filled by the worker itself, a slice of fresh events at a time: fed
while the worker is away, then timed from the partitions' assignment to the last commit. Compared are the slices at the
start and those at the end. The very first slice stands apart: its levels are inserted, those of all others updated.

usage: python -m tests.bench.bench_size [--rows 10000000] [--slice 1000000]
"""

import argparse
import statistics
import sys
from pathlib import Path

from confluent_kafka import TopicPartition

from tests.harness.process import install_handlers

from . import workload
from .expected import Expected, compare_levels
from .figures import Figures
from .parstock import Wrong, audit, check, run_worker
from .workload import HOUR_MS
from .world import TOPIC, World, now_ms, open_world, wait_tool

ENDS = 3  # slices at either end that are compared
DAY_MS = 24 * HOUR_MS
SIZE = """SELECT (SELECT sum(applied + unchanged + stale + shadowed) FROM {0}.progress)::bigint,
    (SELECT sum(pg_total_relation_size(c.oid)) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = '{0}' AND c.relkind = 'r' AND (c.relname LIKE 'idempotency%' OR c.relname LIKE 'ledger%'))::bigint"""


class Filling:
    def __init__(self, world: World, options: argparse.Namespace):
        self._world, self._options = world, options
        self.env = world.env(options.lanes)
        self.expected = Expected()
        self.slices: list[Figures] = []

    def _first_ms(self) -> int:
        """The last hour, or, over some days, a slice's share of them."""
        share = len(self.slices) / max(self._options.rows // self._options.slice, 1)
        return now_ms() - HOUR_MS - int((1 - share) * self._options.days * DAY_MS)

    def _feed(self) -> None:
        size = self._options.slice
        path = self._world.run_dir / "slice.tsv"
        workload.make(path, size, self._first_ms(), first=len(self.slices) * size)
        wait_tool(self._world.start_feed(TOPIC, path))
        if not self._options.no_audit:
            self._expect(path)
        path.unlink()

    def _expect(self, path: Path) -> None:
        with path.open() as lines:
            for line in lines:
                self.expected.add(line)
        self.expected.ids.clear()  # no later slice repeats an id

    def _forget_records(self) -> None:
        """The broker may drop what was read: the topic would outgrow the disk."""
        partitions = range(workload.PARTITIONS)
        admin = self._world.kafka.admin()  # held: the futures die with it
        with self._world.postgres.connect() as connection:
            sql = f"SELECT partition, next_offset FROM {self.env['PARSTOCK_SCHEMA']}.progress"
            reached = dict(connection.execute(sql).fetchall())
        wanted = [TopicPartition(TOPIC, p, reached[p]) for p in partitions]
        for future in admin.delete_records(wanted).values():
            future.result(timeout=60)

    def _size(self) -> tuple[int, int]:
        with self._world.postgres.connect() as connection:
            return connection.execute(SIZE.format(self.env["PARSTOCK_SCHEMA"])).fetchone()

    def one_slice(self) -> str:
        self._feed()
        self._world.checkpoint()
        figures = run_worker(self._world, self.env, self._options.slice)
        self.slices.append(figures)
        self._forget_records()
        rows, size = self._size()
        return (f"slice {len(self.slices)}: {figures.rate:,.0f} events/s, then {rows:,} ledger rows, {size / 2**20:,.0f} MiB; "
                f"CPU s a million client {figures.per_million('client'):.2f} postgres "
                f"{figures.per_million('postgres'):.2f}; peak RSS {figures.rss_mib:.0f} MiB")  # fmt: skip

    def prove(self) -> None:
        result = audit(self.env)
        counted = {name: n for name, n in result["outcomes"].items() if n}
        expected = self.expected
        wrong = [] if counted == expected.outcomes else [f"outcomes {counted}, not {dict(expected.outcomes)}"]
        found = self._world.fetch_levels(self.env["PARSTOCK_SCHEMA"])
        check(wrong + compare_levels(expected.levels, found), "the filling")


def spread(rates: list[float]) -> str:
    return f"{min(rates):,.0f} / {statistics.median(rates):,.0f} / {max(rates):,.0f}"


def summary(slices: list[Figures]) -> str:
    rates = [f.rate for f in slices]
    early, late = rates[1 : 1 + ENDS] or rates, rates[-ENDS:]
    return (
        f"first slice, into empty tables: {rates[0]:,.0f} events/s\n"
        f"the {len(early)} after it: {spread(early)} (min, median, max)\n"
        f"the last {len(late)}: {spread(late)}\n"
        f"last / first: {statistics.median(late) / rates[0]:.2f}; last / those after the first: "
        f"{statistics.median(late) / statistics.median(early):.2f}"
    )


def main() -> int:
    install_handlers()
    parser = argparse.ArgumentParser(prog="python -m tests.bench.bench_size", description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000, help="events in all")
    parser.add_argument("--slice", type=int, default=1_000_000)
    parser.add_argument("--days", type=int, default=0, help="spread the records' timestamps over the last days")
    parser.add_argument("--lanes", type=int, default=2)
    parser.add_argument("--no-audit", action="store_true", help="leave out the proof at the end")
    options = parser.parse_args()
    with open_world() as world:
        filling = Filling(world, options)
        try:
            for _ in range(max(options.rows // options.slice, 1)):
                print(filling.one_slice(), flush=True)
            if not options.no_audit:
                filling.prove()
        except Wrong as wrong:
            print(f"bench_size: {wrong}", file=sys.stderr)
            return 1
    print(summary(filling.slices))
    return 0


if __name__ == "__main__":
    sys.exit(main())
