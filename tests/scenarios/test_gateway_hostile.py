"""Requests that must not come in, connections that hold on to the server, and the honest ones beside them."""

import resource

import pytest

from tests.scenarios.gateway_load import SlowCrowd, attack, honest, quantile
from tests.scenarios.gateway_world import event, gateway_on, read_all, rss_kib, status_of
from tests.scenarios.topic import topic_records

ATTACKS, CROWD = 2000, 1000


@pytest.fixture
def many_files():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_nothing_hostile_comes_in(stage):
    with gateway_on(stage) as gateway:
        gateway.wait_ready()
        statuses = attack(gateway, ATTACKS, seed=7)
        assert sum(statuses.values()) == ATTACKS
        assert topic_records(stage.kafka.bootstrap, stage.events_topic) == []
        assert gateway.post(event(1)).status == 202
        assert gateway.worker.terminate() == 0


def test_slow_connections_do_not_hold_up_honest_ones(stage, many_files, capsys):
    with gateway_on(stage, "--request-seconds", "5") as gateway:
        gateway.wait_ready()
        alone = honest(gateway, 3)
        before = rss_kib(gateway.worker.pid)
        with SlowCrowd(gateway.port, CROWD) as crowd:
            beside = honest(gateway, 12)
            after = rss_kib(gateway.worker.pid)
        with capsys.disabled():
            print(f"\n{CROWD} slow connections ({crowd.opened} opened, ended {dict(crowd.refused)}): honest posts"
                  f" p50 {quantile(beside, 0.5) * 1e3:.1f} ms, p99 {quantile(beside, 0.99) * 1e3:.1f} ms"
                  f" (alone {quantile(alone, 0.5) * 1e3:.1f} and {quantile(alone, 0.99) * 1e3:.1f}), RSS {before} -> {after} KiB")  # fmt: skip
        assert set(crowd.refused) == {408}
        assert after - before < 16 * 1024, "memory grows with slow clients"
        assert gateway.worker.terminate() == 0


def test_more_connections_than_there_are_places(stage, many_files):
    with gateway_on(stage, "--connections", "64") as gateway:
        gateway.wait_ready()
        silent = [gateway.connect() for _ in range(300)]
        for number in range(20):
            assert gateway.post(event(number)).status == 202
        for one in silent:
            one.close()


def test_a_request_has_its_time_and_no_more(stage):
    with gateway_on(stage, "--request-seconds", "1") as gateway:
        gateway.wait_ready()
        with gateway.connect() as client:
            client.sendall(b"POST /v1")
            answer = read_all(client)
        assert status_of(answer) == 408 and b"Connection: close" in answer
