"""`import` of many rows: rate and memory of judging and publishing, five kills on the way, the guard.

    build/deps/venv/bin/python -m tests.bench.bench_imports [--rows 1000000]

Prints one line of JSON a step; ends with 1 where something is not as it must be. Servers are its own.
"""

import argparse
import json
import signal
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

from tests.harness.kafka import ApacheKafka
from tests.harness.paths import parstock
from tests.harness.postgres import Postgres
from tests.harness.rundir import make_run_dir
from tests.harness.worker import run_parstock
from tests.scenarios.stage import Stage

KILLS = 5
HEADER = "type,source,sku,location,quantity,occurred_at\n"
NOT_ALLOWED = 77


def write_feed(path: Path, rows: int, day: int, quantity) -> Path:
    at = f"{datetime.now(timezone.utc) - timedelta(days=day):%Y-%m-%dT%H:%M:%SZ}"
    with open(path, "w") as out:
        out.write(HEADER)
        for n in range(rows):
            out.write(f"stock.counted,wms,SKU-{n:07d},BER,{quantity(n)},{at}\n")
    return path


def peak_kib(pid: int) -> int:
    """Of the program alone: what wait4 tells begins with the memory of whoever forked it."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    found = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return int(found[0].split()[1]) if found else 0


def timed(argv: list, env: dict, code: int = 0) -> dict:
    """Runs it to its end: seconds, peak memory, the report."""
    started = time.monotonic()
    with tempfile.TemporaryFile() as out:
        child = subprocess.Popen(argv, env=env, stdout=out, stderr=subprocess.DEVNULL)
        peak = 0
        while child.poll() is None:
            peak = max(peak, peak_kib(child.pid))
            time.sleep(0.01)
        seconds = time.monotonic() - started
        out.seek(0)
        said = out.read()
    if child.returncode != code:
        sys.exit(f"{argv} ended with {child.returncode}, not {code}: {said[:500]!r}")
    report = json.loads(said)
    return {
        "rows_per_second": round(report["rows"] / seconds), "seconds": round(seconds, 2),
        "peak_mib": round(peak / 1024, 1), "rows": report["rows"], "published": report["published"],
    }  # fmt: skip


def killed(stage: Stage, path: Path, rows: int) -> dict:
    """Killed while it publishes, at five places of the file; then to its end."""
    done = 0
    for kill in range(KILLS):
        child = subprocess.Popen([parstock(), "import", path], env=stage.env,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
        wanted = rows * (kill + 1) // (KILLS + 1)
        while child.poll() is None:
            found = stage.sql("SELECT reached FROM imports WHERE state = 'running'")
            if found and found[0][0] >= wanted:
                child.send_signal(signal.SIGKILL)
                done += 1
                break
            time.sleep(0.01)
        child.wait()
    last = timed([parstock(), "import", "-o", "json", path], stage.env)
    return {"kills": done, **last}


def must(holds: bool, what: str) -> None:
    if not holds:
        sys.exit(f"not as it must be: {what}")


def say(step: str, facts: dict) -> None:
    print(json.dumps({"step": step, **facts}), flush=True)


def audit(stage: Stage) -> dict:
    done = run_parstock("audit", "-o", "json", env=stage.env, limit_s=3600)
    return json.loads(done.stdout)


def run(stage: Stage, directory: Path, rows: int) -> None:
    feed = write_feed(directory / "full.csv", rows, 3, lambda n: 5 + n % 90)
    alone = {k: v for k, v in stage.env.items() if k != "PARSTOCK_POSTGRES"}
    command = [parstock(), "import", "-o", "json"]
    say("judged", timed([*command, "--dry-run", feed], alone))
    facts = killed(stage, feed, rows)
    say("killed and resumed", facts)
    must(facts["kills"] == KILLS and facts["published"] == rows, "killed five times, then whole")
    worker = stage.worker("--lanes", "2")
    stage.wait_settled(3600)
    worker.terminate()
    report = audit(stage)
    outcomes = {k: n for k, n in report["outcomes"].items() if n > 0}
    say("applied", {"outcomes": outcomes, "audit": report["ok"], "levels": report["levels"]})
    must(report["ok"] and set(outcomes) <= {"applied", "duplicate"}, "nothing but repeats beside")
    must(outcomes["applied"] == rows == report["levels"], "each row applied once")
    zeroes = write_feed(directory / "zero.csv", rows, 1, lambda n: 0 if n % 10 < 6 else 5 + n % 90)
    for _ in range(2):
        facts = timed([*command, zeroes], stage.env, NOT_ALLOWED)
    incidents = stage.sql(
        "SELECT occurrences, evidence->>'guard', (evidence->>'zeroed')::bigint FROM incidents "
        "WHERE class = 'import_guard' AND state <> 'resolved'"
    )
    say("60 % zeroes, twice", {**facts, "incidents": incidents})
    must(len(incidents) == 1 and facts["published"] == 0, "stopped with one incident")
    say("published without a database", timed([*command, feed], alone))
    say("published, guarded", timed([*command, feed, "--feed", "again"], stage.env))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    rows = parser.parse_args().rows
    directory = make_run_dir()
    with Postgres(directory) as postgres, ApacheKafka(directory) as kafka:
        with Stage(kafka, postgres, directory) as stage:
            stage.set_up()
            run(stage, directory, rows)


if __name__ == "__main__":
    main()
