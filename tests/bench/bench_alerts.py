"""From a finding to Alertmanager's API, with Alertmanager killed for a while in the middle.

usage: python -m tests.bench.bench_alerts [--rate 25] [--before 60] [--down 60] [--after 60] [--resend 20]

Incidents are opened one a transaction, each with its record in the outbox, at a fixed rate. notify relays the records to the broker, reads
them back, and posts to a real Alertmanager through a proxy that notes when each alert was first taken. Reported: seconds from the
incident's opening to that moment, for those opened while all was well and for those opened while Alertmanager was dead. It ends wrong
unless, at the end, exactly the open incidents fire, each once, and the log says that each was told once.
"""

import argparse
import json
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.harness.alertmanager import Alertmanager
from tests.harness.kafka import ApacheKafka
from tests.harness.postgres import Postgres
from tests.harness.process import install_handlers
from tests.harness.rundir import make_run_dir
from tests.harness.waiting import wait_until
from tests.scenarios.notify_world import TOOL, NotifyWorld


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] if values else float("nan")


class Proxy:
    """Passes posts on, and notes when Alertmanager had taken each alert. No answer where it gives none."""

    def __init__(self, target: str):
        self.first: dict[str, float] = {}
        self.posts: dict[str, list[float]] = {}
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                request = urllib.request.Request(target + self.path, body, {"Content-Type": "application/json"})
                try:
                    with urllib.request.urlopen(request, timeout=30) as answer:
                        code = answer.status
                except urllib.error.HTTPError as refusal:
                    code = refusal.code
                except OSError:
                    self.close_connection = True
                    return
                if code == 200:
                    proxy.note(body)
                self.send_response(code)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_arguments) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def note(self, body: bytes) -> None:
        now = time.time()
        for alert in json.loads(body):
            incident = alert["labels"]["incident_id"]
            self.first.setdefault(incident, now)
            self.posts.setdefault(incident, []).append(now)


class Opener:
    """Opens incidents by the store's own functions, at a rate, whatever becomes of them."""

    def __init__(self, world: NotifyWorld):
        self._tool = subprocess.Popen([TOOL], env=world.env, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        self.count = 0

    def open_for(self, seconds: float, rate: float) -> None:
        began, due = time.monotonic(), 0
        while due < seconds * rate:
            wait = began + due / rate - time.monotonic()
            if wait > 0:
                time.sleep(wait)
            self._tool.stdin.write(f"drift demo SKU-{self.count:06} BER\n")
            self._tool.stdin.flush()
            self.count, due = self.count + 1, due + 1

    def close(self) -> None:
        self._tool.stdin.close()
        if self._tool.wait(120) != 0:
            raise SystemExit("the opener failed")


def said(name: str, waits: list[float]) -> str:
    return (f"{name}: {len(waits)} incidents, p50 {percentile(waits, 0.5):.2f} s, p99 {percentile(waits, 0.99):.2f} s,"
            f" worst {max(waits, default=float('nan')):.2f} s")  # fmt: skip


def firing(manager: Alertmanager) -> list[str]:
    return [alert["labels"]["incident_id"] for alert in manager.alerts()]


def measure(world: NotifyWorld, manager: Alertmanager, proxy: Proxy, options: argparse.Namespace) -> dict:
    opener = Opener(world)
    opener.open_for(options.before, options.rate)
    dead = time.time()
    manager.kill()
    opener.open_for(options.down, options.rate)
    manager.start()
    alive = time.time()
    opener.open_for(options.after, options.rate)
    opener.close()
    opened = {incident: at.timestamp() for incident, at in
              world.db.execute("SELECT id, opened_at FROM incidents WHERE class = 'drift'").fetchall()}  # fmt: skip
    wait_until(lambda: len(proxy.first) >= len(opened), "every incident to be taken", 300)
    wait_until(lambda: set(firing(manager)) == set(opened), "exactly the open incidents to fire", 300, every_s=1)
    fires = firing(manager)
    told = world.db.execute("SELECT count(*), count(DISTINCT incident_id) FROM alert_log WHERE action = 'trigger' "
                            "AND how = 'single'").fetchone()  # fmt: skip
    # A second post sooner than the resend is due, with no death between, was one too many.
    hasty = sum(1 for posts in proxy.posts.values() for one, two in zip(posts, posts[1:])
                if two - one < options.resend - 1)  # fmt: skip
    waits = {"all was well": [], "Alertmanager was dead": []}
    for incident, at in opened.items():
        well = at < dead - 1 or at > alive + 2 * options.slack
        waits["all was well" if well else "Alertmanager was dead"].append(proxy.first[incident] - at)
    return {"opened": len(opened), "firing": len(fires), "twice": len(fires) - len(set(fires)),
            "lost": len(set(opened) - set(fires)), "told": told[0], "told_twice": told[0] - told[1],
            "posted_twice": hasty, "down_s": alive - dead, "waits": waits}  # fmt: skip


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rate", type=float, default=25)
    parser.add_argument("--before", type=float, default=60)
    parser.add_argument("--down", type=float, default=60)
    parser.add_argument("--after", type=float, default=60)
    parser.add_argument("--resend", type=int, default=20)
    parser.add_argument("--slack", type=float, default=15, help="seconds after its return that count as outage still, twice")
    options = parser.parse_args(arguments)
    install_handlers()
    run_dir = make_run_dir()
    with Postgres(run_dir) as postgres, ApacheKafka(run_dir) as kafka, Alertmanager(run_dir) as manager:
        proxy = Proxy(manager.url)
        route = {"name": "am", "kind": "alertmanager", "url": proxy.url, "resend_seconds": options.resend}
        with NotifyWorld(postgres, kafka, "bench_alerts", [route]) as world:
            worker = world.notify().start(wait_ready=True)
            found = measure(world, manager, proxy, options)
            code = worker.terminate()
    for name, values in found["waits"].items():
        print(said(f"opened while {name}", values))
    print(said("all", [value for values in found["waits"].values() for value in values]))
    print(f"{datetime.now(timezone.utc):%Y-%m-%d %H:%M}: " + ", ".join(
        f"{name} {value:.0f}" for name, value in found.items() if name != "waits"))  # fmt: skip
    wrong = found["lost"] or found["twice"] or found["told_twice"] or found["told"] != found["opened"]
    return 1 if wrong or found["posted_twice"] or code else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
