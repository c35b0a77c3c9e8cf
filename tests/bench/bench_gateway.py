"""python -m tests.bench.bench_gateway hostile|slow|kills: the gateway under what nobody wishes for, at full size.

hostile: requests that must not come in, each with its right status; nothing of them is in the topic.
slow: connections that say little, held open; how long honest posts take beside them, and memory.
kills: clients that retry while the broker is killed again and again; every post that was answered 202 is in the
topic, no other is there in part, and `apply` counts each event once.
"""

import argparse
import resource
import sys
import threading
import time
from pathlib import Path

from tests.harness.kafka import ApacheKafka
from tests.harness.postgres import Postgres
from tests.harness.rundir import make_run_dir
from tests.harness.waiting import wait_until
from tests.scenarios.gateway_load import SlowCrowd, Tries, attack, check_tries, honest, post_all, quantile
from tests.scenarios.gateway_world import gateway_on, rss_kib
from tests.scenarios.stage import Stage
from tests.scenarios.topic import topic_records


def hostile(stage: Stage, options: argparse.Namespace) -> None:
    with gateway_on(stage) as gateway:
        gateway.wait_ready()
        began, before = time.monotonic(), rss_kib(gateway.worker.pid)
        statuses = attack(gateway, options.count or 10_000, options.seed)
        after = rss_kib(gateway.worker.pid)
        assert topic_records(stage.kafka.bootstrap, stage.events_topic) == []
        print(f"{sum(statuses.values())} hostile requests in {time.monotonic() - began:.0f} s, none in the topic; "
              f"RSS {before} -> {after} KiB")  # fmt: skip
        for (kind, status), times in sorted(statuses.items()):
            print(f"  {kind:12} {status} {times:6}")


def slow(stage: Stage, options: argparse.Namespace) -> None:
    with gateway_on(stage) as gateway:
        gateway.wait_ready()
        alone, before = honest(gateway, 5), rss_kib(gateway.worker.pid)
        with SlowCrowd(gateway.port, options.count or 1000) as crowd:
            beside = honest(gateway, options.seconds)
            after = rss_kib(gateway.worker.pid)
        for name, took in (("alone", alone), ("beside", beside)):
            print(f"{name:7} {len(took)} posts, p50 {quantile(took, 0.5) * 1e3:.1f} ms, "
                  f"p99 {quantile(took, 0.99) * 1e3:.1f} ms, longest {took[-1] * 1e3:.1f} ms")  # fmt: skip
        print(f"{crowd.opened} slow connections, ended {dict(crowd.refused)}; RSS {before} -> {after} KiB")


def kill_again_and_again(broker: ApacheKafka, tries: Tries, posts: int, times: int) -> None:
    for number in range(1, times + 1):
        wait_until(lambda: len(tries.taken) > posts * number // (times + 1), "the next kill", 1200)
        broker.kill()
        time.sleep(1)
        broker.start()


def kills(stage: Stage, options: argparse.Namespace) -> None:
    posts, tries = options.count or 100_000, Tries()
    with gateway_on(stage) as gateway:
        gateway.wait_ready()
        began = time.monotonic()
        load = threading.Thread(target=post_all, args=(gateway, posts, options.clients, tries))
        load.start()
        kill_again_and_again(stage.kafka, tries, posts, options.kills)
        load.join()
        assert len(tries.taken) == posts, "a client gave up"
        print(f"{posts} posts by {options.clients} clients, {options.kills} kills, {time.monotonic() - began:.0f} s; "
              f"answers {dict(tries.statuses)}")  # fmt: skip
        assert gateway.worker.terminate() == 0
    print(dict(check_tries(topic_records(stage.kafka.bootstrap, stage.events_topic), tries)))
    apply = stage.worker()
    stage.wait_settled(limit_s=600)
    events, audit = sum(tries.taken.values()), stage.audit()
    counted = audit["outcomes"]["applied"] + audit["outcomes"]["unchanged"]
    total = sum(row["quantity"] for row in stage.levels())
    print(f"{events} events answered 202, {counted} counted, levels sum to {total}; outcomes {audit['outcomes']}")
    assert counted == total == events
    assert apply.terminate() == 0


ARMS = {"hostile": hostile, "slow": slow, "kills": kills}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("arm", choices=ARMS)
    parser.add_argument("--count", type=int, default=0, help="requests, connections, posts; default as the issue asks")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--kills", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 16_384), hard))
    run_dir: Path = make_run_dir()
    with ApacheKafka(run_dir) as broker, Postgres(run_dir) as database, Stage(broker, database, run_dir) as stage:
        ARMS[options.arm](stage.set_up(), options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
