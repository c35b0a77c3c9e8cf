"""How the harness reads a worker, against a script that speaks as one."""

import sys

import pytest

from tests.harness.worker import Worker, parstock_env, run_parstock

FAKE = """#!{python}
import http.server, json, signal, sys, threading
class Health(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/readyz" else 404)
        self.end_headers()
    def log_message(self, *_): pass
if sys.argv[1] == "broken":
    sys.exit(78)
if sys.argv[1] == "echo":
    sys.stdout.write(sys.stdin.read().upper()); sys.exit(65)
server = http.server.HTTPServer(("127.0.0.1", 0), Health)
print("not json", file=sys.stderr)
print(json.dumps({{"level": "info", "msg": "admin listens", "at": "127.0.0.1:%d" % server.server_port}}), file=sys.stderr, flush=True)
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
server.serve_forever()
"""


@pytest.fixture(autouse=True)
def fake_program(tmp_path, monkeypatch):
    program = tmp_path / "parstock"
    program.write_text(FAKE.format(python=sys.executable))
    program.chmod(0o755)
    monkeypatch.setenv("PARSTOCK_PROGRAM", str(program))
    return program


def test_ready_kill_start_again_terminate(run_dir):
    worker = Worker("apply", parstock_env(), run_dir).start(wait_ready=True)
    first = worker.pid
    worker.kill()
    assert not worker.running
    worker.start(wait_ready=True)
    assert worker.pid != first and worker.starts == 2
    assert worker.terminate() == 0


def test_paused_worker_does_not_answer(run_dir):
    worker = Worker("apply", parstock_env(), run_dir).start(wait_ready=True)
    worker.pause()
    assert worker.get("/readyz")[0] == 0
    worker.resume()
    worker.wait_ready()
    worker.terminate()


def test_wait_ready_tells_of_a_worker_that_ended(run_dir):
    worker = Worker("broken", parstock_env(), run_dir).start()
    with pytest.raises(AssertionError, match="ended with 78"):
        worker.wait_ready(limit_s=20)


def test_environment_holds_only_what_is_given(monkeypatch):
    monkeypatch.setenv("PARSTOCK_SHOP_MAIN_TOKEN", "mine")
    monkeypatch.setenv("PGPASSWORD", "mine")
    env = parstock_env(kafka="127.0.0.1:1", PARSTOCK_LOG="debug")
    assert "mine" not in env.values()
    assert env["PARSTOCK_KAFKA_BROKERS"] == "127.0.0.1:1"
    assert env["PARSTOCK_LOG"] == "debug"
    assert "PARSTOCK_POSTGRES" not in env


def test_run_hands_back_output_and_code():
    done = run_parstock("echo", stdin=b"abc")
    assert (done.returncode, done.stdout) == (65, b"ABC")
