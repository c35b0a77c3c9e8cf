"""A shadow of everything beside the live state: a first pass in peace, one with faults (workers killed and frozen,
Postgres and the broker killed), then the topic rebuilt from offset 0 by two `replay run` at once, then once more by one
that is killed ten times. All digests must be equal. At the end live events are fed at a fixed rate, alone and beside a
rebuild: due to committed.

usage: python -m tests.bench.bench_shadow [--events 1000000] [--rate 1000] [--seconds 15]
"""

import argparse
import functools
import json
import os
import sys
import time

from tests.harness.process import install_handlers
from tests.harness.waiting import wait_until
from tests.harness.worker import Worker, run_parstock

from . import workload
from .bench_latency import Watch, latencies_ms, numbers_by_partition, percentile
from .parstock import Wrong, prove, run_worker
from .workload import HOUR_MS
from .world import TOPIC, World, now_ms, open_world, wait_tool

KILLS = 10
FROZEN_S = 3.0
WARM_UP_S = 5  # the producer's own start is no part of the latency
# A worker that takes a killed one's place has its partitions back at once.
STATIC = {"PARSTOCK_KAFKA__GROUP_PROTOCOL": "classic", "PARSTOCK_KAFKA__GROUP_INSTANCE_ID": "one"}


def in_peace(world: World, events: int, lanes: int) -> float:
    """Events a second of a first pass that nothing disturbs; its schema is dropped."""
    env = world.env(lanes)
    figures = run_worker(world, env, events)
    world.drop_schema(env["PARSTOCK_SCHEMA"])
    return events / figures.seconds


def freeze(worker: Worker) -> None:
    worker.pause()
    time.sleep(FROZEN_S)
    worker.resume()


def kill(worker: Worker) -> None:
    worker.kill()
    worker.start()


def kill_broker(world: World) -> None:
    world.kafka.kill()
    world.kafka.start()


def faults(world: World, worker: Worker) -> list:
    """In the order in which they come, one an equal part of the events."""
    postgres = functools.partial(world.postgres.restart, immediate=True)
    broker = functools.partial(kill_broker, world)
    killed, frozen = functools.partial(kill, worker), functools.partial(freeze, worker)
    return [killed, postgres, frozen, killed, broker, killed, postgres, killed, frozen, killed]


def wait_read(world: World, schema: str, events: int, worker: Worker) -> None:
    """A connection a look: Postgres is killed between them. A worker that ends by itself is started again, as a
    supervisor would: the broker that was killed may have forgotten who took a static member's place."""
    sums = f"SELECT coalesce(sum(read), 0)::bigint FROM {schema}.progress"

    def read() -> int:
        worker.start()
        with world.postgres.connect() as connection:
            return connection.execute(sums).fetchone()[0]

    wait_until(lambda: read() >= events, f"{events:,} records", 1800, every_s=0.05)


def with_faults(world: World, env: dict[str, str], events: int) -> tuple[float, int]:
    """Events a second with all that happened, and the number of faults."""
    with Worker("apply", env | STATIC, world.run_dir, name=world.name("apply")) as worker:
        todo = faults(world, worker)
        worker.wait_ready()
        start = time.monotonic()
        for part, fault in enumerate(todo, 1):
            wait_read(world, env["PARSTOCK_SCHEMA"], events * part // (len(todo) + 1), worker)
            fault()
        wait_read(world, env["PARSTOCK_SCHEMA"], events, worker)
        rate = events / (time.monotonic() - start)
        worker.terminate()
    return rate, len(todo)


def runner(world: World, env: dict[str, str], name: str, rate: int = 0) -> Worker:
    arguments = ("run", "--name", name, "-o", "json", "--rate", str(rate))
    return Worker("replay", env, world.run_dir, name=world.name("replay"), arguments=arguments)


def finish(worker: Worker) -> dict:
    if worker.child.wait(3600) != 0:
        raise Wrong(f"replay run: {worker.child.tail()}")
    return json.loads(worker.child.text("out"))


def two_runs(world: World, env: dict[str, str], events: int, name: str = "two") -> float:
    """Events a second, from the start of both to the end of both."""
    start = time.monotonic()
    runs = [runner(world, env, name).start() for _ in range(2)]
    for run in runs:
        finish(run)
    return events / (time.monotonic() - start)


def killed(world: World, env: dict[str, str], events: int) -> list[int]:
    """The records that were judged at each kill."""
    worker, judged = runner(world, env, "killed"), [0]
    schema = f"{env['PARSTOCK_SCHEMA']}_shadow_killed"
    sums = f"SELECT coalesce(sum(read), 0)::bigint FROM {schema}.progress"
    made = f"SELECT count(*) FROM pg_tables WHERE schemaname = '{schema}' AND tablename = 'replay_shadow'"

    def read() -> int:
        with world.postgres.connect() as connection:
            if connection.execute(made).fetchone()[0] == 0:
                return 0
            return connection.execute(sums).fetchone()[0]

    for _ in range(KILLS):
        worker.start()
        wait_until(lambda: read() > judged[-1] + events // 40, "some more records", 600, every_s=0.01)
        worker.kill()
        judged.append(read())
    worker.start()
    finish(worker)
    return judged[1:]


def digests(env: dict[str, str], name: str) -> dict[str, str]:
    answer = run_parstock("replay", "status", "--name", name, "-o", "json", "--limit", "5", env=env, limit_s=1800)
    status = json.loads(answer.stdout)
    if answer.returncode != 0 or not status["equal"]:
        raise Wrong(f"shadow {name} differs: {answer.stdout.decode()}")
    return {table: status[table]["shadow"]["digest"][:16] for table in ("levels", "readings")}


def live_latency(world: World, env: dict[str, str], options: argparse.Namespace, turn: int, runs_rate: int) -> str:
    """Fed at a rate while nothing else runs, or (from turn 1 on) while two runs rebuild everything."""
    count, beside = options.rate * (WARM_UP_S + options.seconds), turn > 0
    path = workload.make(world.run_dir / f"live-{turn}.tsv", count, now_ms(), first=options.events * (2 + turn))
    numbers = numbers_by_partition(path)
    world.checkpoint()  # what the passes before wrote is no part of the latency
    os.sync()
    watch = Watch(world, env["PARSTOCK_SCHEMA"], 0.002)
    with Worker("apply", env | STATIC, world.run_dir, name=world.name("apply")) as worker:
        worker.wait_ready()
        before = watch.look()
        base = {partition: seen[-1][1] for partition, seen in watch.seen.items()}
        runs = [runner(world, env, f"beside_{turn}", runs_rate).start() for _ in range(2 if beside else 0)]
        wait_until(lambda: not runs or all(run.running for run in runs), "the runs to start")
        time.sleep(1.5 if beside else 0)  # joining is over, judging is on
        feeder = world.start_feed(TOPIC, path, options.rate, 5)
        watch.until(before + count, WARM_UP_S + options.seconds + 120)
        fed = wait_tool(feeder)
        still = sum(run.running for run in runs)
        for run in runs:
            run.terminate()
    found = []
    for partition, of_partition in numbers.items():
        seen = [(at, reached - base[partition]) for at, reached in watch.seen[partition] if reached >= base[partition]]
        took = latencies_ms(of_partition, seen, fed["start_us"], options.rate)
        found += [ms for n, ms in zip(of_partition, took) if n >= options.rate * WARM_UP_S]
    found.sort()
    figures = "  ".join(f"p{p:g} {percentile(found, p):.1f} ms" for p in (50, 99))
    pace = f"at {runs_rate:,}/s each" if runs_rate else "as fast as they go"
    what = f"beside two runs {pace} ({still} on at the end)" if beside else "alone"
    late = fed["latest_us"] / 1000
    return f"live at {options.rate:,}/s {what}: {figures}  max {found[-1]:.1f} ms; the producer was at most {late:.0f} ms late"


def bench(world: World, options: argparse.Namespace) -> None:
    path = workload.make(world.run_dir / "events.tsv", options.events, now_ms() - HOUR_MS)
    load = world.load(TOPIC, path, options.events)
    env = world.env(options.lanes)
    first = in_peace(world, options.events, options.lanes)
    print(f"first pass in peace: {first:,.0f} events/s", flush=True)
    rate, count = with_faults(world, env, options.events)
    prove(world, env, load)
    print(f"first pass with {count} faults, kept: {rate:,.0f} events/s; the account agrees", flush=True)
    two = two_runs(world, env, options.events)
    print(f"rebuilt by two runs: {two:,.0f} events/s = {two / first:.2f} of the pass in peace; digests {digests(env, 'two')}", flush=True)
    kills = killed(world, env, options.events)
    same = digests(env, "killed") == digests(env, "two")
    if not same:
        raise Wrong("the digests of the two shadows differ")
    print(f"killed {len(kills)} times (at {', '.join(f'{n:,}' for n in kills)} records): the same digests", flush=True)
    for turn, runs_rate in enumerate((0, 0, 5000)):
        print(live_latency(world, env, options, turn, runs_rate), flush=True)


def main() -> int:
    install_handlers()
    parser = argparse.ArgumentParser(prog="python -m tests.bench.bench_shadow", description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--rate", type=int, default=1000, help="live events a second, in the end")
    parser.add_argument("--seconds", type=int, default=15)
    parser.add_argument("--lanes", type=int, default=2)
    options = parser.parse_args()
    with open_world() as world:
        try:
            bench(world, options)
        except Wrong as wrong:
            print(f"bench_shadow: {wrong}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
