"""Seals of the ledger: whatever is changed behind them is found and named, and they outlive what they seal. The ledger is
written by SQL, as apply's COPY would: some weeks of it, three partitions, counts that follow one another."""

import json
import random
from datetime import datetime, timedelta, timezone

import pytest

from tests.harness.worker import parstock_env, run_parstock
from tests.scenarios.stage import CONTRACT

DAYS = (45, 44, 40, 33, 20, 12)  # ago; what is older than 36 is dropped by retention
PARTITIONS, PAGES, ROWS, SKUS = 3, 3, 120, 20
NONE = "\x01"
COLUMNS = "topic, partition, partitions, first_offset, next_offset, judged_at, contract, entries, keys, lines"


class Books:
    def __init__(self, postgres, schema: str):
        self.env = parstock_env(postgres=postgres.dsn, schema=schema, contract=CONTRACT)
        self.db = postgres.connect(options=f"-c search_path={schema}")
        self.levels: dict[str, int] = {}
        self.offsets = [0] * PARTITIONS
        self.rng = random.Random(3)

    def run(self, *command: str, code: int = 0) -> bytes:
        done = run_parstock(*command, env=self.env)
        assert done.returncode == code, (done.stdout + done.stderr).decode()
        return done.stdout

    def sql(self, text: str, *parameters) -> list[tuple]:
        answer = self.db.execute(text, parameters)
        return answer.fetchall() if answer.description else []

    def line(self, partition: int, at: datetime) -> str:
        sku, quantity = f"P{partition}-{self.rng.randrange(SKUS)}", self.rng.randrange(1000)
        before, self.levels[sku] = self.levels.get(sku), quantity
        micros = int(at.timestamp()) * 1_000_000 + self.offsets[partition]
        self.offsets[partition] += 1
        return "\t".join(map(str, [self.offsets[partition] - 1, micros // 1000, micros, quantity, NONE if before is None else before,
                                   quantity, 0, 90, 0, "wms", sku, "BER", *[NONE] * 5]))  # fmt: skip

    def page(self, partition: int, at: datetime) -> None:
        first = self.offsets[partition]
        lines = [self.line(partition, at) for _ in range(ROWS)]
        keys = self.rng.randbytes(24 * ROWS)
        self.db.execute(f"INSERT INTO ledger ({COLUMNS}) VALUES ('t', %s, %s, %s, %s, %s, 1, %s, %s, %s)",
                        [partition, PARTITIONS, first, first + ROWS, at, ROWS, keys, "\n".join(lines)])  # fmt: skip


@pytest.fixture(scope="module")
def sealed(postgres):
    books = Books(postgres, "seals")
    books.run("migrate")
    noon = datetime.now(timezone.utc).replace(hour=12, minute=0, second=0, microsecond=0)
    for days in DAYS:
        for number in range(PAGES):
            for partition in range(PARTITIONS):
                books.page(partition, noon - timedelta(days=days) + timedelta(minutes=number))
    yield books
    books.db.execute("DROP SCHEMA seals CASCADE")
    books.db.close()


def report(books: Books, *flags: str, code: int | None = None) -> dict:
    """Of the audit: there are no levels and no counts beside this ledger, which is told as well."""
    done = run_parstock("audit", "-o", "json", *flags, env=books.env)
    assert done.returncode == code if code is not None else done.returncode in (0, 1), done.stderr.decode()
    return json.loads(done.stdout)


def offenders(found: dict) -> dict[str, list[str]]:
    names: dict[str, list[str]] = {}
    for violation in found["violations"]:
        if not violation["invariant"].startswith("seal") and "at" not in found:
            continue
        names.setdefault(violation["invariant"], []).append(violation["offender"])
    return names


def test_weeks_are_sealed_once(sealed):
    made = report(sealed, "--seal")
    weeks = sealed.sql("SELECT first_day, last_day, pages, previous, seal FROM ledger_seals ORDER BY 1")
    assert not offenders(made) and made["seals"]["made"] == made["seals"]["count"] == len(weeks) >= 5
    assert made["seals"]["head"] == weeks[-1][4] and made["seals"]["last_day"] == str(weeks[-1][1])
    for before, after in zip(weeks, weeks[1:]):
        assert after[3] == before[4] and (after[0] - before[1]).days == 1
        assert after[0].isoweekday() == 1 and after[1].isoweekday() == 7
    sealed_pages = sealed.sql("SELECT count(*) FROM ledger WHERE judged_at < (SELECT max(last_day) + 1 FROM ledger_seals)")
    assert sum(week[2] for week in weeks) == sealed_pages[0][0]
    again = report(sealed, "--seal")
    assert not offenders(again) and again["seals"]["made"] == 0 and again["seals"]["head"] == made["seals"]["head"]


PAGE = "(SELECT ctid FROM ledger WHERE judged_at < now() - interval '15 days' ORDER BY judged_at, partition LIMIT 1)"
# what is done behind the seals -> the invariant that finds it, and what names it
FAULTS = {
    "a changed row": (f"UPDATE ledger SET lines = regexp_replace(lines, E'\\t([a-z]+)\\t', E'\\tx\\\\1\\t') WHERE ctid = {PAGE}",
                      "seal_pages", "offsets from"),
    "a changed key": (f"UPDATE ledger SET keys = set_byte(keys, 0, (get_byte(keys, 0) + 1) %% 256) WHERE ctid = {PAGE}",
                      "seal_pages", "offsets from"),
    "another contract": (f"UPDATE ledger SET contract = contract + 1 WHERE ctid = {PAGE}", "seal_pages", "offsets from"),
    "a deleted page": (f"DELETE FROM ledger WHERE ctid = {PAGE}", "seal_pages", "offsets from"),
    "a day gone": ("DELETE FROM ledger WHERE judged_at::date = (SELECT min(judged_at)::date FROM ledger)", "seal_pages", "offsets from"),
    "a page slipped in": ("INSERT INTO ledger SELECT topic, partition, partitions, next_offset, next_offset + 1, judged_at, contract,"
                          " entries, keys, lines FROM ledger ORDER BY judged_at LIMIT 1", "seal_pages", "offsets from"),
    "a changed count": ("UPDATE ledger_seals SET entries = entries + 1 WHERE first_day = (SELECT min(first_day) FROM ledger_seals)",
                        "seal_chain", "not that of its columns"),
    "a seal of its own": ("UPDATE ledger_seals SET seal = repeat('0', 64) WHERE first_day = (SELECT min(first_day) FROM ledger_seals)",
                          "seal_chain", "does not follow"),
    "a deleted seal": ("DELETE FROM ledger_seals WHERE first_day = (SELECT max(first_day) FROM ledger_seals"
                       " WHERE first_day < (SELECT max(first_day) FROM ledger_seals))", "seal_chain", "does not follow"),
    "a changed part": ("UPDATE ledger_seal_parts SET stretches = replace(stretches, 'a', 'b') WHERE day = (SELECT min(day) FROM"
                       " ledger_seal_parts)", "seal_chain", "not that of its stretches"),
    "a deleted part": ("DELETE FROM ledger_seal_parts WHERE day = (SELECT min(day) FROM ledger_seal_parts)", "seal_chain",
                       "do not add up"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_changed_is_named(sealed, fault):
    statement, invariant, words = FAULTS[fault]
    assert report(sealed, "--seal")["seals"]["count"] > 0
    tables = ("ledger", "ledger_seals", "ledger_seal_parts")
    for table in tables:
        sealed.sql(f"CREATE TABLE kept_{table} AS TABLE {table}")
    try:
        sealed.sql(statement)
        found = offenders(report(sealed))
    finally:
        for table in tables:
            columns = "*" if table != "ledger" else ", ".join(LEDGER)
            sealed.sql(f"DELETE FROM {table}; INSERT INTO {table} SELECT {columns} FROM kept_{table}; DROP TABLE kept_{table}")
    assert any(words in offender for offender in found[invariant]), found
    if invariant == "seal_pages":
        assert all(offender.startswith("week ") and ", partition " in offender for offender in found[invariant])
        assert "seal_chain" not in found


LEDGER = ("topic", "partition", "partitions", "first_offset", "next_offset", "judged_at", "contract", "entries", "keys", "lines",
          "sku_filter")  # fmt: skip


def test_a_promotion_puts_other_pages_in_their_place(sealed):
    """What was sealed before it is known by its seals alone; that it happened stands in replay_promotions."""
    assert report(sealed, "--seal")["seals"]["count"] > 0
    sealed.sql("CREATE TABLE kept_ledger AS TABLE ledger")
    try:
        sealed.sql("DELETE FROM ledger WHERE judged_at < now() - interval '30 days'")
        assert "seal_pages" in offenders(report(sealed))
        sealed.sql("INSERT INTO replay_promotions (shadow, contract, actor, levels, pairs) VALUES ('s', 1, 'ann', 1, 1)")
        assert not offenders(report(sealed))
    finally:
        sealed.sql("DELETE FROM replay_promotions; DELETE FROM ledger;"
                   f" INSERT INTO ledger SELECT {', '.join(LEDGER)} FROM kept_ledger; DROP TABLE kept_ledger")  # fmt: skip
    assert not offenders(report(sealed))


def test_the_levels_of_any_moment(sealed):
    """Each batch was as many days ago; what it left is what the rows up to it add up to."""
    moments = [at for (at,) in sealed.sql("SELECT DISTINCT judged_at FROM ledger ORDER BY 1")]
    seen = set()
    for at in moments[:: max(len(moments) // 6, 1)]:
        then = report(sealed, "--at", at.isoformat())
        rows = sealed.sql("SELECT count(*) FROM (SELECT DISTINCT ON (sku, location) after FROM idempotency WHERE type < 2 AND"
                          " judged_at <= %s ORDER BY sku, location, judged_at DESC, record_offset DESC) AS last"
                          " WHERE after IS NOT NULL", at)  # fmt: skip
        assert then["ok"] and then["levels"] == rows[0][0]
        seen.add(then["digest"])
    assert len(seen) > 4
    last = report(sealed, "--at", "2100-01-01T00:00:00Z")
    assert last["levels"] == len(sealed.levels)
    sealed.run("audit", "--at", "then", code=64)
    sealed.run("audit", "--at", "2026-01-01T00:00:00Z", "--seal", code=64)


def test_a_past_that_does_not_fold_is_told(sealed):
    """A quantity changed in a row, its numbers before and after left as they are."""
    sealed.sql("CREATE TABLE kept AS TABLE ledger")
    try:
        sealed.sql(r"UPDATE ledger SET lines = regexp_replace(lines, E'^([^\t]*\t[^\t]*\t[^\t]*\t)-?[0-9]+', E'\\17777', 'gn')"
                   r" WHERE lines ~ E'^[^\t]*\t[^\t]*\t[^\t]*\t-?[0-9]+\t[^\t]*\t[^\t]*\t0\t90\t0\t'")  # fmt: skip
        (at,) = sealed.sql("SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY judged_at) FROM ledger")[0]
        found = offenders(report(sealed, "--at", at.isoformat(), code=1))
        assert any("7777" in offender for offender in found["ledger_folds"])
    finally:
        sealed.sql(f"DELETE FROM ledger; INSERT INTO ledger SELECT {', '.join(LEDGER)} FROM kept; DROP TABLE kept")
    assert not offenders(report(sealed))


def test_seals_outlive_what_they_seal(sealed):
    before = report(sealed, "--seal")
    done = json.loads(sealed.run("retention", "-o", "json"))
    assert done["seals_made"] == 0 and any(step["act"] in ("drop", "purge") for step in done["steps"])
    after = report(sealed)
    assert not offenders(after)
    assert after["seals"] == before["seals"] | {"made": 0}
    days = {day for (day,) in sealed.sql("SELECT DISTINCT judged_at::date FROM ledger")}
    assert {day for (day,) in sealed.sql("SELECT day FROM ledger_seal_parts")} > days  # some are gone
    sealed.sql("UPDATE ledger_seals SET digest = 'x' WHERE first_day = (SELECT min(first_day) FROM ledger_seals)")
    assert "seal_chain" in offenders(report(sealed))
