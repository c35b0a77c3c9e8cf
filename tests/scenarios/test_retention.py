"""Retention of the ledger in a real database: what is made, moved and dropped, and that writers go on."""

import datetime
import json
import threading
from typing import Iterator

import psycopg
import pytest

from tests.harness.paths import ROOT
from tests.harness.waiting import wait_until
from tests.harness.worker import Worker, parstock_env, run_parstock

CONTRACT = ROOT / "schemas/examples/contract/valid/minimal.json"
COLUMNS = "topic, partition, partitions, first_offset, next_offset, judged_at, contract, entries, keys, lines"
# A page for each of three partitions; column 7 of a line is the outcome.
PAGES = rf"""INSERT INTO ledger ({COLUMNS})
    SELECT 't', n %% 3, 3, 1, 1000000, %s::timestamptz, 1, count(*), string_agg(substring(sha224(n::text::bytea) FOR 24), ''),
    string_agg(concat_ws(E'\t', n, 0, 0, 1, E'\x01', n, (ARRAY[0, 1, 3, 4])[1 + n %% 4], 1, 0, 'wms', 'S' || n,
                         'BER', E'\x01', E'\x01', E'\x01', E'\x01', E'\x01'), E'\n')
    FROM generate_series(1, %s) AS n GROUP BY n %% 3"""
EVENTS = "SELECT coalesce(sum(entries), 0)::bigint FROM"


def utc_midnight(days_ago: int = 0) -> datetime.datetime:
    now = datetime.datetime.now(datetime.timezone.utc)
    day = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return day - datetime.timedelta(days=days_ago)


def partition(days_ago: int) -> str:
    return f"ledger_{utc_midnight(days_ago):%Y%m%d}"


class Ledger:
    """A migrated schema; rows of the ledger are written by SQL, as apply's COPY would."""

    def __init__(self, postgres, schema: str):
        self.postgres, self.schema = postgres, schema
        self.env = parstock_env(postgres=postgres.dsn, schema=schema, contract=CONTRACT)
        self.db = self.connect()

    def connect(self, **options) -> psycopg.Connection:
        return self.postgres.connect(options=f"-c search_path={self.schema}", **options)

    def run(self, *command: str, code: int = 0) -> str:
        done = run_parstock(*command, env=self.env)
        assert done.returncode == code, (done.stdout + done.stderr).decode()
        return done.stdout.decode()

    def retention(self, *flags: str, code: int = 0) -> dict:
        return json.loads(self.run("retention", "-o", "json", *flags, code=code))

    def partitions(self) -> set[str]:
        rows = self.db.execute("SELECT inhrelid::regclass::text FROM pg_inherits "
                               "WHERE inhparent = 'ledger'::regclass").fetchall()  # fmt: skip
        return {name.split(".")[-1] for (name,) in rows}

    def detach(self, *days_ago: int) -> None:
        """As if retention had not run while these days came."""
        for day in days_ago:
            self.db.execute(f"DROP TABLE IF EXISTS {partition(day)}")

    def add(self, days_ago: int, count: int = 12) -> None:
        self.db.execute(PAGES, [utc_midnight(days_ago) + datetime.timedelta(seconds=30), count])

    def add_run(self, days_ago: int, entries: int) -> None:
        newest = utc_midnight(days_ago) + datetime.timedelta(seconds=40)
        self.db.execute("INSERT INTO ledger_runs (topic, partition, partitions, first_offset, "
                        "next_offset, newest_at, entries, guide, filter, keys) VALUES ('t', 0, 3, 0, 1, "
                        "%s, %s, '', '', '')", [newest, entries])  # fmt: skip

    def number(self, text: str) -> int:
        return self.db.execute(text).fetchone()[0]


@pytest.fixture
def ledger(postgres, request) -> Iterator[Ledger]:
    if not utc_midnight(-1) - datetime.datetime.now(datetime.timezone.utc) > datetime.timedelta(minutes=5):
        pytest.skip("the day ends within five minutes, and with it what these tests call today")
    schema = "retention_" + request.node.name.split("[")[0][-40:]
    scene = Ledger(postgres, schema)
    scene.run("migrate")
    yield scene
    scene.db.execute(f"DROP SCHEMA {schema} CASCADE")
    scene.db.close()


WEEK = {partition(-day) for day in range(8)}


def test_migrate_makes_today_and_a_week(ledger):
    assert ledger.partitions() == WEEK | {"ledger_default"}
    assert ledger.retention()["steps"] == []
    assert "nothing to do" in ledger.run("retention", "-o", "table")
    ledger.add(0)
    assert ledger.number(f"{EVENTS} {partition(0)}") == 12


def test_what_is_older_goes_and_what_is_younger_stays(ledger):
    for day in (60, 38, 37, 36, 35, 1):
        ledger.add(day)
        ledger.add_run(day, 12)
    ledger.detach(0)
    ledger.add(0)
    first = ledger.retention()
    # The default partition is emptied: into partitions of their own, or away.
    assert {(s["act"], s["day"], s["rows"]) for s in first["steps"]} == {
        ("move", f"{utc_midnight(day):%Y-%m-%d}", 12) for day in (36, 35, 1, 0)
    } | {("purge", f"{utc_midnight(day):%Y-%m-%d}", 12) for day in (60, 38, 37)}
    assert all(step["state"] == "done" for step in first["steps"])
    assert first["runs_removed"] == 3
    assert ledger.partitions() == WEEK | {partition(day) for day in (36, 35, 1)} | {"ledger_default"}
    assert ledger.number(f"{EVENTS} ledger_default") == 0
    assert ledger.number(f"{EVENTS} ledger") == 4 * 12
    assert ledger.number("SELECT count(*) FROM ledger_runs") == 3
    assert ledger.retention()["steps"] == []


def test_an_old_partition_is_dropped_and_counted(ledger):
    ledger.db.execute(f"CREATE TABLE {partition(40)} PARTITION OF ledger FOR VALUES "
                      f"FROM ('{utc_midnight(40)}') TO ('{utc_midnight(39)}')")  # fmt: skip
    ledger.db.execute(f"CREATE TABLE {partition(30)} PARTITION OF ledger FOR VALUES "
                      f"FROM ('{utc_midnight(30)}') TO ('{utc_midnight(29)}')")  # fmt: skip
    ledger.add(40, count=24)
    ledger.add(30, count=24)
    counted = ledger.db.execute(
        "SELECT partition, count(*) FILTER (WHERE outcome = 0), count(*) FILTER (WHERE outcome = 1), "
        "count(*) FILTER (WHERE outcome = 3), count(*) FILTER (WHERE outcome = 4) "
        f"FROM idempotency WHERE judged_at < '{utc_midnight(39)}' GROUP BY partition ORDER BY 1").fetchall()  # fmt: skip
    planned = ledger.retention("--dry-run")
    assert [(s["act"], s["partition"], s["state"]) for s in planned["steps"]] == [
        ("drop", partition(40), "planned")]  # fmt: skip
    assert partition(40) in ledger.partitions()
    done = ledger.retention()
    assert [(s["act"], s["state"]) for s in done["steps"]] == [("drop", "done")]
    assert partition(40) not in ledger.partitions() and partition(30) in ledger.partitions()
    assert ledger.number(f"{EVENTS} ledger") == 24
    assert counted == ledger.db.execute(
        "SELECT partition, applied, unchanged, stale, shadowed FROM ledger_retired "
        "WHERE day = %s ORDER BY 1", [utc_midnight(40).date()]).fetchall()  # fmt: skip


def test_the_contract_says_how_long(ledger, tmp_path):
    contract = json.loads(CONTRACT.read_text()) | {"retention": {"idempotency_days": 3}}
    (tmp_path / "contract.json").write_text(json.dumps(contract))
    ledger.env["PARSTOCK_CONTRACT"] = str(tmp_path / "contract.json")
    ledger.add(4)
    ledger.add(5)
    assert ledger.retention()["keep_days"] == 3
    assert ledger.partitions() == WEEK | {partition(4), "ledger_default"}


def test_attaching_a_day_does_not_search_the_default_partition(ledger):
    """Readers would be held up for as long as the search takes; Postgres says that it need not."""
    ledger.detach(-5)
    ledger.add(20, count=1000)
    ledger.env["PARSTOCK_POSTGRES"] += " options='-c log_min_messages=debug1'"
    done = ledger.retention()
    assert {(s["act"], s["state"]) for s in done["steps"]} == {("make", "done"), ("move", "done")}
    log = ledger.postgres._child.text("err")
    spared = 'partition constraint for default partition "ledger_default" is implied by existing'
    assert log.count(f"updated {spared}") == 2
    # Nor the rows of the new partition, which the move has checked one by one.
    for day in (-5, 20):
        assert f'partition constraint for table "{partition(day)}" is implied by existing' in log


def test_what_was_not_sent_is_kept(ledger):
    ledger.add(50)
    ledger.db.execute("INSERT INTO progress (topic, partition, next_offset, relayed_offset) "
                      "VALUES ('t', 0, 1000000, 999999)")  # fmt: skip
    held = ledger.retention()
    assert held["held_back"] is True
    assert ledger.number(f"{EVENTS} ledger") == 12
    ledger.db.execute("UPDATE progress SET relayed_offset = 1000000")
    assert ledger.retention()["held_back"] is False
    assert ledger.number(f"{EVENTS} ledger") == 0


def test_keys_stay_until_their_rows_have_gone(ledger):
    """A partition that can't be dropped keeps its runs, or a repeat would be judged anew."""
    ledger.db.execute(f"CREATE TABLE {partition(40)} PARTITION OF ledger FOR VALUES "
                      f"FROM ('{utc_midnight(40)}') TO ('{utc_midnight(39)}')")  # fmt: skip
    for day in (41, 40):
        ledger.add_run(day, 12)
    ledger.add(40)
    with ledger.connect(autocommit=False) as reader:
        reader.execute(f"SELECT count(*) FROM {partition(40)}")
        busy = ledger.retention(code=75)
        assert [(s["act"], s["state"]) for s in busy["steps"]] == [("drop", "busy")]
        assert busy["runs_removed"] == 1
    assert ledger.number("SELECT count(*) FROM ledger_runs") == 1
    assert ledger.number("SELECT count(*) FROM ledger_retired") == 0
    assert ledger.retention()["runs_removed"] == 1


def test_writers_go_on_while_partitions_come_and_go(ledger):
    """Transactions as apply's, all the time; none fails, no row is lost, none waits for ever."""
    ledger.detach(0, *range(-7, 0))
    for day in (60, 45, 20, 3):
        ledger.add(day, count=20_000)
    ledger.db.execute(f"CREATE TABLE {partition(50)} PARTITION OF ledger FOR VALUES "
                      f"FROM ('{utc_midnight(50)}') TO ('{utc_midnight(49)}')")  # fmt: skip
    ledger.add(50, count=20_000)
    before = ledger.number(f"{EVENTS} ledger WHERE judged_at >= '{utc_midnight(36)}'")
    stop, wrote, failed = threading.Event(), [0, 0], []

    def write(lane: int) -> None:
        with ledger.connect(autocommit=False) as db:
            while not stop.is_set():
                try:
                    at = db.execute("SELECT now()").fetchone()[0]
                    db.execute("SELECT count(*) FROM levels").fetchone()
                    with db.cursor().copy(f"COPY ledger ({COLUMNS}) FROM STDIN") as copy:
                        copy.write_row(("t", lane, 3, wrote[lane], wrote[lane] + 100, at, 1, 100, b"k" * 2400, "x"))
                    db.commit()
                except psycopg.Error as error:
                    failed.append(error)
                    return
                wrote[lane] += 100

    lanes = [threading.Thread(target=write, args=(lane,)) for lane in range(2)]
    for lane in lanes:
        lane.start()
    steps = []
    try:
        for _pass in range(20):  # a pass may leave a step to the next one
            done = run_parstock("retention", "-o", "json", env=ledger.env)
            assert done.returncode in (0, 75), done.stderr.decode()
            steps += json.loads(done.stdout)["steps"]
            if done.returncode == 0:
                break
    finally:
        stop.set()
        for lane in lanes:
            lane.join()
    assert failed == []
    assert done.returncode == 0
    assert {s["act"] for s in steps} == {"move", "make", "drop", "purge"}
    assert WEEK <= ledger.partitions() and partition(50) not in ledger.partitions()
    assert wrote[0] > 0 and wrote[1] > 0
    kept = ledger.number(f"{EVENTS} ledger WHERE judged_at >= '{utc_midnight(36)}'")
    assert kept == before + sum(wrote)
    assert ledger.number(f"{EVENTS} {partition(0)}") > 0


def test_a_reader_that_never_ends_is_not_waited_for(ledger):
    ledger.detach(0)
    with ledger.connect(autocommit=False) as reader:
        reader.execute("LOCK TABLE ledger IN ROW EXCLUSIVE MODE")
        busy = ledger.retention(code=75)
        assert [(s["act"], s["state"]) for s in busy["steps"]] == [("make", "busy")]
        # Others were let through, and are.
        ledger.add(1)
    # The next pass does it, and finds nothing left behind by the one before.
    assert {s["state"] for s in ledger.retention()["steps"]} == {"done"}
    assert partition(0) in ledger.partitions()
    assert ledger.number("SELECT count(*) FROM pg_constraint WHERE conname LIKE 'retention%'") == 0


def test_a_killed_pass_leaves_no_guard(ledger):
    ledger.db.execute("ALTER TABLE ledger_default ADD CONSTRAINT retention_guard "
                      "CHECK (judged_at < '2000-01-01') NOT VALID")  # fmt: skip
    ledger.retention()
    assert ledger.number("SELECT count(*) FROM pg_constraint WHERE conname = 'retention_guard'") == 0


def test_one_pass_at_a_time(ledger):
    with ledger.connect() as other:
        of_schema = "hashtextextended('retention ' || {0}, 0)"
        other.execute(f"SELECT pg_advisory_lock({of_schema.format('current_schema()')})")
        assert ledger.retention(code=75)["elsewhere"] is True
        other.execute("SELECT pg_advisory_unlock_all()")
        # Another installation in the same database is none of its business.
        other.execute(f"SELECT pg_advisory_lock({of_schema.format(chr(39) + 'another' + chr(39))})")
        assert ledger.retention()["elsewhere"] is False


def test_one_right_after_the_other(ledger):
    """The lock is let go of before the process ends: how long the server takes to notice its end is nobody's matter."""
    for _ in range(10):
        assert ledger.retention()["elsewhere"] is False


def test_watch_makes_what_is_missing_and_ends_when_asked(ledger, run_dir):
    ledger.detach(-7)
    worker = Worker("retention", ledger.env, run_dir, arguments=("--watch", "--interval-seconds", "1"))
    with worker:
        worker.wait_ready()
        wait_until(lambda: partition(-7) in ledger.partitions(), "the day to be made", 30)
        metrics = worker.get("/metrics")[1]
        assert "parstock_retention_last_success_timestamp_seconds" in metrics
        assert worker.terminate() == 0


def test_wrong_use(ledger):
    ledger.run("retention", "--watch", "--dry-run", code=64)
    ledger.run("retention", "--interval-seconds", "0x", code=64)
    ledger.env.pop("PARSTOCK_CONTRACT")
    ledger.run("retention", code=78)
    ledger.env["PARSTOCK_CONTRACT"] = str(CONTRACT)
    ledger.env["PARSTOCK_POSTGRES"] = "host=127.0.0.1 port=1 connect_timeout=1"
    ledger.run("retention", code=69)
