"""up: starts the workers, starts a dead one again, ends with all of them."""

import json
import os
import signal
import socket
import urllib.error
import urllib.request
import uuid

import pytest

from tests.harness.waiting import wait_until
from tests.harness.worker import Worker, parstock_env, run_parstock


@pytest.fixture
def env(kafka, postgres, contract):
    prefix = f"u{uuid.uuid4().hex[:8]}."
    schema = f"up_{uuid.uuid4().hex[:8]}"
    env = parstock_env(
        kafka.bootstrap, postgres.dsn, schema, contract,
        PARSTOCK_TOPIC_PREFIX=prefix, PARSTOCK_TOPIC_PARTITIONS="2", PARSTOCK_GROUP_PREFIX=prefix,
    )  # fmt: skip
    assert run_parstock("topics", "ensure", env=env).returncode == 0
    assert run_parstock("migrate", env=env).returncode == 0
    return env


def pids(up: Worker, message: str = "worker started") -> list[int]:
    return [r["pid"] for r in up.log() if r["msg"] == message and r.get("worker") == "apply"]


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_a_killed_worker_is_started_again(env, run_dir):
    up = Worker("up", env, run_dir, arguments=("--workers", "apply")).start(wait_ready=True)
    first = pids(up)
    assert len(first) == 1
    os.kill(first[0], signal.SIGKILL)
    second = wait_until(lambda: pids(up)[1:], "the second start", 30)
    assert second[0] != first[0]
    death = next(r for r in up.log() if r["msg"] == "worker died")
    assert (death["worker"], death["signal"]) == ("apply", 9)
    up.wait_ready()
    assert 'parstock_worker_restarts_total{worker="apply"} 1' in up.get("/metrics")[1]
    assert up.terminate() == 0
    assert gone(second[0])
    ended = [r for r in up.log() if r["msg"] == "worker ended"]
    assert [(r["worker"], r["exit_code"]) for r in ended] == [("apply", 0)]


def test_the_workers_die_with_it(env, run_dir):
    up = Worker("up", env, run_dir, arguments=("--workers", "apply")).start(wait_ready=True)
    (worker,) = pids(up)
    os.kill(up.pid, signal.SIGKILL)  # up alone; the harness would end its whole group
    wait_until(lambda: gone(worker), "the worker to die with it", 30)
    up.kill()


def test_no_crash_loop(run_dir, tmp_path):
    """A worker that cannot start is tried again at growing distances."""
    broken = tmp_path / "contract.json"
    broken.write_text("{")
    env = parstock_env("127.0.0.1:1", "host=127.0.0.1 port=1", contract=broken)
    up = Worker("up", env, run_dir, arguments=("--workers", "apply")).start()

    def waits() -> list[int]:
        return [r["restart_in_ms"] for r in up.log() if r["msg"] == "worker died"]

    wait_until(lambda: len(waits()) >= 3, "three deaths", 60)
    assert waits()[:3] == [500, 1000, 2000]
    assert up.get("/livez")[0] == 200
    code, why = up.get("/readyz")
    assert code == 503 and "apply: not ready" in why
    assert up.terminate() == 0


def test_flags_reach_the_workers(env, run_dir, tmp_path):
    dsn_file = tmp_path / "dsn"
    dsn_file.write_text("host=127.0.0.1 port=1")
    given = dict(env)
    dsn, schema, brokers = (given.pop(f"PARSTOCK_{n}") for n in ("POSTGRES", "SCHEMA", "KAFKA_BROKERS"))
    given["PARSTOCK_POSTGRES_FILE"] = str(dsn_file)
    # The file names a database that is away: ready proves that the flag won.
    arguments = ("--workers", "apply", "--postgres", dsn, "--schema", schema, "--kafka-brokers", brokers)
    up = Worker("up", given, run_dir, arguments=arguments).start(wait_ready=True)
    assert up.terminate() == 0


def test_retention_runs_on_and_on(env, run_dir):
    with Worker("up", env, run_dir, arguments=("--workers", "retention")) as up:
        up.wait_ready()
        started = [r for r in up.log() if r["msg"] == "worker started"]
        assert [r["worker"] for r in started] == ["retention"]
        assert not [r for r in up.log() if r["msg"] == "worker died"]


@pytest.mark.parametrize("workers", ["apply,apply", "nobody", "", "apply,"])
def test_wrong_workers(workers, contract):
    env = parstock_env("127.0.0.1:1", "host=127.0.0.1", contract=contract)
    answer = run_parstock("up", "--workers", workers, env=env)
    assert answer.returncode == 64
    assert b"--workers" in answer.stderr


# ---- the admin endpoint, which up shares with every worker ---------------------------------------


def test_admin_endpoint(run_dir, tmp_path):
    broken = tmp_path / "contract.json"
    broken.write_text("{")
    env = parstock_env("127.0.0.1:1", "host=127.0.0.1 port=1", contract=broken)
    up = Worker("up", env, run_dir, arguments=("--workers", "apply")).start()
    wait_until(up.admin_url, "the admin endpoint", 30)
    assert up.get("/livez") == (200, "alive\n")
    assert up.get("/readyz")[0] == 503
    status, metrics = up.get("/metrics")
    assert status == 200
    assert "# TYPE parstock_build_info gauge" in metrics
    assert "parstock_ready 0" in metrics
    assert up.get("/nothing")[0] == 404
    for method, expected in (("POST", 405), ("DELETE", 405), ("HEAD", 200)):
        request = urllib.request.Request(up.admin_url() + "/livez", method=method, data=b"x" if method == "POST" else None)
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                status, body, allow = answer.status, answer.read(), None
        except urllib.error.HTTPError as refused:
            status, body, allow = refused.code, refused.read(), refused.headers["Allow"]
        assert status == expected
        assert allow == (None if expected == 200 else "GET, HEAD")
        if method == "HEAD":
            assert body == b""
    assert up.terminate() == 0


def test_an_admin_port_that_is_taken(run_dir, contract):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        env = parstock_env("127.0.0.1:1", "host=127.0.0.1 port=1", contract=contract)
        env["PARSTOCK_ADMIN_LISTEN"] = f"127.0.0.1:{port}"
        answer = run_parstock("up", env=env)
        assert answer.returncode == 69
        assert b"the port is taken" in answer.stderr


@pytest.mark.parametrize("listen", ["nonsense", "127.0.0.1:99999", "::1:80", "192.0.2.1:0"])
def test_an_admin_address_that_is_none(listen, contract):
    env = parstock_env("127.0.0.1:1", "host=127.0.0.1 port=1", contract=contract)
    env["PARSTOCK_ADMIN_LISTEN"] = listen
    assert run_parstock("up", env=env).returncode == 78


def test_the_default_port_taken_is_a_warning(run_dir, tmp_path):
    broken = tmp_path / "contract.json"
    broken.write_text("{")
    env = parstock_env("127.0.0.1:1", "host=127.0.0.1 port=1", contract=broken)
    del env["PARSTOCK_ADMIN_LISTEN"]
    with socket.socket() as taken:
        try:
            taken.bind(("127.0.0.1", 9464))
            taken.listen()
        except OSError:
            pass  # somebody else has it, which serves as well
        up = Worker("up", env, run_dir, arguments=("--workers", "apply")).start()
        wait_until(lambda: pids(up), "the worker's start", 30)
        warning = next(r for r in up.log() if r["msg"].startswith("no admin endpoint"))
        assert json.dumps(warning["listen"]) == '"127.0.0.1:9464"'
        assert up.terminate() == 0
