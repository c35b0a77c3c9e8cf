"""explain as an operator meets it: wrong use, nothing known, and ledgers made by hand with every fault that it must tell."""

import json
import os
import pty
import subprocess
from datetime import datetime, timedelta, timezone
from typing import Iterator

import pytest

from tests.harness.paths import parstock
from tests.harness.worker import parstock_env, run_parstock

BEGUN = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
NONE = "\x01"


class Ledger:
    """A migrated schema whose ledger is written page by page."""

    def __init__(self, postgres, schema: str):
        self.env = parstock_env(postgres=postgres.dsn, schema=schema)
        self.db = postgres.connect(options=f"-c search_path={schema}")
        self.offset = 0

    def explain(self, *arguments: str, code: int = 0) -> list[dict]:
        done = run_parstock("explain", *arguments, "-o", "json", env=self.env)
        assert done.returncode == code, (done.stdout + done.stderr).decode()
        return json.loads(done.stdout)

    def line(self, sku: str, before: int | None, after: int | None, kind: int = 0, place: str = "BER",
             reference: str = NONE, outcome: int = 0) -> str:  # fmt: skip
        """Of type `kind`: a count or an adjustment by number."""
        self.offset += 1
        quantity = after if kind == 0 else (after or 0) - (before or 0)
        moment = int(BEGUN.timestamp()) + self.offset
        columns = [self.offset, moment * 1000, moment * 1000000, quantity, *(NONE if n is None else n for n in (before, after)),
                   outcome, 90, kind, "wms", sku, place, NONE, NONE, f"e-{self.offset}", reference, NONE]  # fmt: skip
        return "\t".join(map(str, columns))

    def page(self, *lines: str, day: int = 0) -> None:
        self.db.execute(
            "INSERT INTO ledger (topic, partition, partitions, first_offset, next_offset, judged_at, contract, entries,"
            " keys, lines) VALUES ('t', 0, 1, %s, %s, %s, 1, %s, %s, %s)",
            [self.offset - len(lines) + 1, self.offset + 1, BEGUN + timedelta(days=day, seconds=self.offset),
             len(lines), bytes(24 * len(lines)), "\n".join(lines)])  # fmt: skip

    def level(self, sku: str, quantity: int, place: str = "BER", counted_at: datetime = BEGUN) -> None:
        self.db.execute(
            "INSERT INTO levels (sku, location, quantity, source, occurred_at, revision, count, counted_at)"
            " VALUES (%s, %s, %s, 'wms', %s, 1, %s, %s)", [sku, place, quantity, counted_at, quantity, counted_at])  # fmt: skip


@pytest.fixture
def ledger(postgres, request) -> Iterator[Ledger]:
    schema = "explain_" + request.node.name.split("[")[0][-40:]
    scene = Ledger(postgres, schema)
    done = run_parstock("migrate", env=scene.env)
    assert done.returncode == 0, done.stderr.decode()
    yield scene
    scene.db.execute(f"DROP SCHEMA {schema} CASCADE")
    scene.db.close()


# ---- wrong use, and nothing known


@pytest.mark.parametrize("arguments", [[], ["A", "B"], ["A", "--at", "yesterday"], ["A", "--at", "2026-03-01T12:00:00"],
                                       ["A", "-o", "xml"], ["A", "--att", "x"]])  # fmt: skip
def test_wrong_use(arguments):
    answer = run_parstock("explain", *arguments, env=parstock_env(postgres="host=127.0.0.1 port=1"))
    assert (answer.returncode, answer.stdout) == (64, b"")


@pytest.mark.parametrize("sku, code", [("", "bad_text"), ("a\tb", "bad_text"), (" ", "bad_sku"), ("x" * 256, "bad_text")])
def test_a_sku_that_is_none(sku, code):
    answer = run_parstock("explain", "--", sku, env=parstock_env(postgres="host=127.0.0.1 port=1"))
    assert (answer.returncode, answer.stdout) == (65, b"")
    assert f" {code}: ".encode() in answer.stderr


def test_without_a_database():
    assert run_parstock("explain", "A", env=parstock_env()).returncode == 78
    assert run_parstock("explain", "A", env=parstock_env(postgres="host=127.0.0.1 port=1")).returncode == 69


@pytest.mark.parametrize("form, empty", [("table", b""), ("jsonl", b""), ("json", b"[\n]\n")])
def test_nothing_is_known(ledger, form, empty):
    ledger.page(ledger.line("CUP-10", None, 5))
    ledger.level("CUP-10", 5)
    answer = run_parstock("explain", "cup-1", "-o", form, env=ledger.env)
    assert (answer.returncode, answer.stdout) == (0, empty)
    assert answer.stderr == b"parstock explain: nothing is known of SKU CUP-1\n"


# ---- the ledger's rows


def test_rows_are_those_of_the_sku_alone(ledger):
    """Beside it: a longer SKU, a row that has it as its reference or location, pages without it."""
    ledger.page(ledger.line("CUP-10", None, 5), ledger.line("CUP-1", None, 7), ledger.line("X", None, 1, reference="CUP-1"))
    ledger.page(ledger.line("CUP-10", 5, 6), ledger.line("X", None, 2, place="CUP-1"))
    ledger.page(ledger.line("CUP-1", 7, 4, kind=1), ledger.line("CUP-1", None, 9, place="HAM"))
    ledger.level("CUP-1", 4)
    ledger.level("CUP-1", 9, "HAM")
    berlin, hamburg = ledger.explain(" cup‐1 ")
    assert [(e["before"], e["after"], e["change"], e["type"]) for e in berlin["events"]] == [
        (None, 7, 7, "stock.counted"), (7, 4, -3, "stock.adjusted")]  # fmt: skip
    first = berlin["events"][0]
    assert first["occurred_at"] == "2026-03-01T12:00:02Z" and first["event_id"] == "e-2" and first["reference"] is None
    assert (first["topic"], first["partition"], first["offset"]) == ("t", 0, 2)
    assert (first["rule"], first["rule_number"], first["why"]) == ("change", 90, "what is known has changed")
    assert (hamburg["location"], hamburg["quantity"], len(hamburg["events"])) == ("HAM", 9, 1)
    assert ledger.explain("CUP-1", "--location", "HAM") == [hamburg]
    assert berlin["sums"] and hamburg["sums"] and berlin["ledger_whole_since"] is None
    lines = run_parstock("explain", "CUP-1", "-o", "jsonl", env=ledger.env).stdout.splitlines()
    assert [json.loads(line) for line in lines] == [berlin, hamburg]


def test_a_location_that_only_the_level_knows(ledger):
    """In its place in the order; and with no row to it the lines do not sum."""
    for place in ("BER", "MUC"):
        ledger.page(ledger.line("A", None, 3, place=place))
        ledger.level("A", 3, place)
    ledger.level("A", 8, "HAM")
    found = ledger.explain("A", code=1)
    assert [(f["location"], f["sums"], len(f["events"])) for f in found] == [
        ("BER", True, 1), ("HAM", False, 0), ("MUC", True, 1)]  # fmt: skip
    assert found[1]["problems"] == ["the ledger ends at none, the level is 8"]


@pytest.mark.parametrize("wrong, problem", [
    ("UPDATE levels SET quantity = 5, count = 5", "the ledger ends at 4, the level is 5"),
    ("UPDATE levels SET count = 5", "the reading of wms is 5, the level is 4"),
    ("UPDATE levels SET source = 'erp'; UPDATE levels SET adjusted = 1", "the reading of erp is 5, the level is 4"),
    ("DELETE FROM levels", "the ledger ends at 4, the level is none"),
    ("DELETE FROM ledger WHERE first_offset = 1", "record t/0/2 starts from 7, the lines before it end at none"),
    ("DELETE FROM ledger WHERE first_offset = 2", "record t/0/3 starts from 6, the lines before it end at 7"),
    ("DELETE FROM ledger WHERE first_offset = 3", "the ledger ends at 6, the level is 4"),
])  # fmt: skip
def test_every_fault_is_told(ledger, wrong, problem):
    for before, after in ((None, 7), (7, 6), (6, 4)):
        ledger.page(ledger.line("A", before, after))
    ledger.level("A", 4)
    assert ledger.explain("A")[0]["sums"]
    ledger.db.execute(wrong)
    (found,) = ledger.explain("A", code=1)
    assert (found["sums"], found["problem_count"], found["problems"]) == (False, 1, [problem])
    table = run_parstock("explain", "A", env=ledger.env)
    assert table.returncode == 1 and problem in table.stdout.decode()
    assert "THE LINES DO NOT SUM TO IT" in table.stdout.decode()


def test_a_shops_event_moves_nothing(ledger):
    ledger.page(ledger.line("A", None, 7), ledger.line("A", 7, 7, kind=2), ledger.line("A", None, None, kind=3, place=""))
    ledger.page(ledger.line("A", 7, 6))
    ledger.level("A", 6)
    nowhere, berlin = ledger.explain("A")
    assert (nowhere["location"], nowhere["quantity"], nowhere["events"][0]["type"]) == (None, None, "shop.ordered")
    assert berlin["sums"] and [e["type"] for e in berlin["events"]].count("shop.observed") == 1


def test_what_retention_dropped_is_said_and_excused(ledger):
    ledger.page(ledger.line("A", 9, 7), day=20)
    ledger.level("A", 7)
    ledger.level("A", 3, "HAM")
    assert [f["sums"] for f in ledger.explain("A", code=1)] == [False, False]
    ledger.db.execute("INSERT INTO ledger_retired (day, partition, applied, unchanged, stale, shadowed)"
                      " VALUES ('2026-03-05', 0, 2, 0, 0, 0)")  # fmt: skip
    found = ledger.explain("A")
    assert [(f["sums"], f["ledger_whole_since"]) for f in found] == [(True, "2026-03-06T00:00:00Z")] * 2
    assert b"rows judged before 2026-03-06 00:00:00 are gone" in run_parstock("explain", "A", env=ledger.env).stdout
    # A level that is younger than what was dropped must have its row.
    ledger.level("A", 4, "MUC", counted_at=BEGUN + timedelta(days=10))
    assert [f["sums"] for f in ledger.explain("A", code=1)] == [True, True, False]


def test_as_it_was_known(ledger):
    ledger.page(ledger.line("A", None, 7))
    ledger.page(ledger.line("A", 7, 6), ledger.line("A", None, 2, place="HAM"), day=1)
    ledger.level("A", 6)
    ledger.level("A", 2, "HAM")
    (then,) = ledger.explain("A", "--at", "2026-03-02T13:00:00+02:00")
    assert (then["quantity"], then["source"], len(then["events"]), then["sums"]) == (7, "wms", 1, True)
    assert then["at"] == "2026-03-02T11:00:00Z" and then["occurred_at"] is None
    assert then["readings"] == then["shops"] == then["steps"] == []
    assert [f["quantity"] for f in ledger.explain("A", "--at", "2026-03-02T12:00:10Z")] == [6, 2]
    assert ledger.explain("A", "--at", "2026-03-01T12:00:00Z") == []
    # The level of now says nothing of then.
    ledger.db.execute("UPDATE levels SET quantity = 99")
    assert len(ledger.explain("A", "--at", "2026-03-02T13:00:00Z")) == 2


# ---- for a person


def on_a_terminal(env: dict[str, str], *arguments: str) -> str:
    mine, its = pty.openpty()
    with subprocess.Popen([parstock(), "explain", *arguments], env=env, stdout=its, stdin=subprocess.DEVNULL) as child:
        os.close(its)
        said = b""
        while True:
            try:
                piece = os.read(mine, 65536)
            except OSError:  # its end is closed
                break
            said += piece
            if not piece:
                break
        assert child.wait() == 0
    os.close(mine)
    return said.decode()


def test_colour_on_a_terminal_alone(ledger):
    ledger.page(ledger.line("A", None, 7), ledger.line("A", 7, 7, outcome=3))
    ledger.level("A", 7)
    env = {name: value for name, value in ledger.env.items() if name != "NO_COLOR"} | {"TERM": "xterm"}
    bright = on_a_terminal(env, "A")
    assert "\x1b[32mapplied" in bright and "\x1b[33mstale" in bright and bright.count("\x1b[0m") > 5
    assert "\x1b" not in on_a_terminal(env | {"NO_COLOR": "1"}, "A")
    assert "\x1b" not in on_a_terminal(env | {"TERM": "dumb"}, "A")
    assert "\x1b" not in run_parstock("explain", "A", env=env).stdout.decode()


def test_what_was_written_down_of_a_past_moment(ledger):
    """What a shop showed and should have shown, by the last that said so, and in order of time for a person."""
    ledger.page(ledger.line("A", None, 7))
    ledger.level("A", 7)
    at = {minute: BEGUN + timedelta(minutes=minute) for minute in range(0, 70, 10)}
    ledger.db.execute("INSERT INTO shop_writes (shop, key, body, state, epoch, created_at, settled_at, detail)"
                      " VALUES ('demo', gen_random_uuid(), '', 'applied', 1, %s, %s, 'ok')", [at[10], at[20]])  # fmt: skip
    ledger.db.execute("INSERT INTO shop_write_pairs SELECT id, 0, 'A', 'BER', 'i', 'g', 3, 6 FROM shop_writes")
    ledger.db.execute("INSERT INTO drift_findings (finding_id, sku, run_id, shop, location, desired, shown, residual, cause, rule,"
                      " evidence, risk, observed_at) VALUES ('f-1', 'A', 1, 'demo', 'BER', 6, 4, -2, 'external_writer', 'x', '{}',"
                      " 'low', %s)", [at[40]])  # fmt: skip
    ledger.db.execute("INSERT INTO drift_actions (finding_id, sku, shop, location, action, is_rule, rule, actor, state, acted_at,"
                      " settled_at, desired, shown) VALUES ('f-1', 'A', 'demo', 'BER', 'resync', true, 'mend', 'policy', 'done', %s,"
                      " %s, 6, 6)", [at[50], at[60]])  # fmt: skip
    ledger.db.execute("INSERT INTO shop_units VALUES ('A', 'BER', 'demo', %s, 2, 1)", [at[30]])
    ledger.db.execute("INSERT INTO spot_checks (sku, location, counted, books, verdict, actor, counted_at)"
                      " VALUES ('A', 'BER', 7, 7, 'agrees', 'anna', %s)", [at[40]])  # fmt: skip
    wanted = {5: None, 15: (6, 3, "write 1"), 25: (6, 6, "write 1"), 45: (6, 4, "finding f-1"), 65: (6, 6, "repair of f-1")}
    for minute, numbers in wanted.items():
        (then,) = ledger.explain("A", "--at", (BEGUN + timedelta(minutes=minute)).isoformat())
        assert [(s["desired"], s["shown"], s["shown_by"]) for s in then["shops"]] == ([numbers] if numbers else [])
    (now,) = ledger.explain("A")
    assert [m["kind"] for m in now["movements"]] == ["missing"] and now["movements"][0]["units"] == 1
    assert [(a["action"], a["rule"], a["shown"]) for a in now["actions"]] == [("resync", "mend", 6)]
    assert [(c["verdict"], c["counted"], c["actor"]) for c in now["spot_checks"]] == [("agrees", 7, "anna")]
    table = run_parstock("explain", "A", env=ledger.env).stdout.decode().splitlines()
    words = [line.split()[2] for line in table if line.startswith("2026-")]
    assert words == ["applied", "write", "missing", "finding", "counted", "action"]
    assert max(map(len, table)) <= 80
