"""All SQL of the campaign: the log of every change of `progress`, and what is read at the end.

The log is a trigger in the test's own database. It sees every take-over and every batch that
committed, with the session that did it, where reading the table now and then would miss most.
"""

from typing import Iterator

import psycopg

from .history import OUTCOMES, Change, LedgerRow, LevelRow

# Numbers of outcomes in ledger rows (the interface names them; common/domain numbers them).
NUMBERED = dict(enumerate(OUTCOMES))

INSTALL = """
CREATE SCHEMA {log};
CREATE TABLE {log}.changes (
    seq bigint GENERATED ALWAYS AS IDENTITY,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    transaction bigint NOT NULL DEFAULT (pg_current_xact_id()::xid)::text::bigint,
    who text NOT NULL DEFAULT session_user,
    partition integer NOT NULL, old_epoch bigint NOT NULL, epoch bigint NOT NULL,
    owner text NOT NULL, old_next bigint NOT NULL, next bigint NOT NULL,
    counts bigint[] NOT NULL
);
CREATE FUNCTION {log}.counts(p {schema}.progress) RETURNS bigint[] LANGUAGE sql AS
    'SELECT ARRAY[{counts}]';
CREATE FUNCTION {log}.note() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    was {schema}.progress;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        was := OLD;
    ELSE
        was := NEW;
        was.epoch := 0;
        was.next_offset := -1;
        {zero}
    END IF;
    IF (NEW.epoch, NEW.owner, NEW.next_offset, {log}.counts(NEW)) =
       (was.epoch, was.owner, was.next_offset, {log}.counts(was)) THEN
        RETURN NULL;  -- what the broker has was noted, no more
    END IF;
    INSERT INTO {log}.changes (partition, old_epoch, epoch, owner, old_next, next, counts)
    VALUES (NEW.partition, was.epoch, NEW.epoch, NEW.owner, was.next_offset, NEW.next_offset,
            (SELECT array_agg(n - o ORDER BY i)
             FROM unnest({log}.counts(NEW), {log}.counts(was)) WITH ORDINALITY u (n, o, i)));
    RETURN NULL;
END $$;
CREATE TRIGGER chaos_note AFTER INSERT OR UPDATE ON {schema}.progress
    FOR EACH ROW EXECUTE FUNCTION {log}.note();
"""
CHANGES = (
    "SELECT extract(epoch FROM at)::float8, transaction, who, partition, old_epoch, epoch, owner, "
    "old_next, next, counts FROM {log}.changes ORDER BY seq"
)
LEDGER = (
    "COPY (SELECT record_offset, key, outcome, page_next_offset, source, sku, location, before, "
    "after FROM {schema}.idempotency WHERE partition = {partition} ORDER BY record_offset) "
    "TO STDOUT"
)
# The ledger's rows lie in pages, one a batch and partition: a row's transaction is its page's.
# Two pages of one end are two batches over the same records; their rows show that themselves.
PAGES = "SELECT next_offset, xmin::text::bigint FROM {schema}.ledger WHERE partition = {partition}"
LEVELS = (
    "SELECT sku, location, quantity, source, "
    "(extract(epoch FROM occurred_at) * 1000000)::bigint, version, revision FROM {schema}.levels"
)
READINGS = (
    "SELECT sku, location, source, coalesce(count, 0) + adjusted FROM {schema}.source_readings "
    "WHERE source = ANY (%s)"
)
PROGRESS = "SELECT partition, next_offset, ARRAY[{counts}], read FROM {schema}.progress"
COUNTS = ", ".join(OUTCOMES)


def install(dsn: str, schema: str, users: list[str]) -> None:
    """The log, and a database user for each worker, so that the log can tell them apart."""
    names = ", ".join(f"p.{name}" for name in OUTCOMES)
    zero = " ".join(f"was.{name} := 0;" for name in OUTCOMES)
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(INSTALL.format(log=log_of(schema), schema=schema, counts=names, zero=zero))
        for user in users:
            connection.execute(f'CREATE ROLE "{user}" SUPERUSER LOGIN')


def log_of(schema: str) -> str:
    return f"{schema}_log"


def changes(dsn: str, schema: str) -> list[Change]:
    with psycopg.connect(dsn) as connection:
        rows = connection.execute(CHANGES.format(log=log_of(schema))).fetchall()
    return [Change(*row[:-1], tuple(int(n) for n in row[-1])) for row in rows]


def _text(field: bytes) -> str:
    """COPY's text form; only rare names hold an escape."""
    text = field.decode()
    if "\\" in text:
        text = text.replace("\\\\", "\0").replace("\\t", "\t").replace("\0", "\\")
    return text


def _number(field: bytes) -> int | None:
    return None if field == b"\\N" else int(field)


def ledger(dsn: str, schema: str, partition: int) -> Iterator[LedgerRow]:
    named = {"schema": schema, "partition": partition}
    with psycopg.connect(dsn) as connection:
        pages = dict(connection.execute(PAGES.format(**named)).fetchall())
        yield from _rows(connection, LEDGER.format(**named), pages)


def _rows(connection, query: str, pages: dict[int, int]) -> Iterator[LedgerRow]:
    with connection.cursor().copy(query) as copy:
        rest = b""
        for piece in copy:
            lines = (rest + bytes(piece)).split(b"\n")
            rest = lines.pop()
            for line in lines:
                offset, key, outcome, page, source, sku, location, before, after = line.split(b"\t")
                yield LedgerRow(
                    int(offset), key.decode(), NUMBERED[int(outcome)], pages[int(page)], _text(source),
                    _text(sku), _text(location), _number(before), _number(after),
                )  # fmt: skip


def levels(dsn: str, schema: str) -> dict[tuple[str, str], LevelRow]:
    with psycopg.connect(dsn) as connection:
        rows = connection.execute(LEVELS.format(schema=schema)).fetchall()
    return {(row[0], row[1]): LevelRow(*row[2:]) for row in rows}


def readings(dsn: str, schema: str, sources: list[str]) -> dict[tuple, int]:
    with psycopg.connect(dsn) as connection:
        rows = connection.execute(READINGS.format(schema=schema), (sources,)).fetchall()
    return {(row[0], row[1], row[2]): row[3] for row in rows}


def totals(dsn: str, schema: str) -> dict[int, tuple]:
    with psycopg.connect(dsn) as connection:
        rows = connection.execute(PROGRESS.format(schema=schema, counts=COUNTS)).fetchall()
    return {row[0]: (row[1], tuple(row[2]), row[3]) for row in rows}
