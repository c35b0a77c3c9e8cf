"""audit after retention: what was dropped is accounted for, and what is left is still proven."""

import json
import time

import pytest

from tests.model.generate import CALM, Plan, generate

# The past: everything that was judged and known, forty days earlier.
AGE = [
    # Columns 2 and 3 of a line: when it was recorded (ms) and when it occurred (us).
    "UPDATE ledger SET judged_at = judged_at - interval '40 days', lines = (SELECT string_agg("
    r"concat_ws(E'\t', split_part(line, E'\t', 1), split_part(line, E'\t', 2)::bigint - 3456000000, "
    r"split_part(line, E'\t', 3)::bigint - 3456000000000, "
    r"regexp_replace(line, E'^[^\t]*\t[^\t]*\t[^\t]*\t', '')), E'\n' ORDER BY n) "
    r"FROM string_to_table(lines, E'\n') WITH ORDINALITY AS t (line, n))",
    "UPDATE ledger_runs SET newest_at = newest_at - interval '40 days'",
    "UPDATE adjustments SET occurred_at = occurred_at - interval '40 days'",
    "UPDATE readings SET counted_at = counted_at - interval '40 days', "
    "adjusted_at = adjusted_at - interval '40 days'",
    "UPDATE levels SET occurred_at = occurred_at - interval '40 days', counted_at = counted_at - "
    "interval '40 days', adjusted_at = adjusted_at - interval '40 days'",
]
RECENT = "occurred_at > now() - interval '1 day'"
COUNTED = f"SELECT sku FROM idempotency WHERE type = 0 AND outcome IN (0, 1) AND {RECENT}"
# invariant -> a fault in what is left, and how it is put right again
FAULTS = {
    "ledger_counts": (
        "UPDATE ledger_retired SET applied = applied + 1 WHERE partition = 0",
        "UPDATE ledger_retired SET applied = applied - 1 WHERE partition = 0",
    ),
    "ledger_folds": (
        f"UPDATE levels SET quantity = quantity + 1 WHERE {RECENT}",
        f"UPDATE levels SET quantity = quantity - 1 WHERE {RECENT}",
    ),
    "readings_fold": (
        f"UPDATE levels SET adjusted = adjusted + 1 WHERE sku IN ({COUNTED})",
        f"UPDATE levels SET adjusted = adjusted - 1 WHERE sku IN ({COUNTED})",
    ),
}


@pytest.fixture(scope="module")
def retired(kafka, postgres, session_dir):
    from tests.scenarios.stage import Stage

    with Stage(kafka, postgres, session_dir) as stage:
        stage.set_up()
        for seed, skus in ((5, 60), (6, 40)):  # some SKUs have nothing new
            stage.worker()
            first_ms = int(time.time() * 1000) - 600_000
            plan = Plan(800, seed, skus=skus, partitions=stage.partitions, first_ms=first_ms, mix=CALM)
            stage.produce(generate(plan))
            stage.wait_settled()
            stage.stop()
            if seed == 5:
                for statement in AGE:
                    stage.sql(statement)
        yield stage


def test_audit_passes_before_and_after(retired):
    before = retired.audit()
    assert before["ok"] is True
    rows = retired.sql("SELECT count(*) FROM idempotency")[0][0]
    report = json.loads(retired.run("retention", "-o", "json"))
    assert {(s["act"], s["state"]) for s in report["steps"]} == {("purge", "done")}
    left = retired.sql("SELECT count(*) FROM idempotency")[0][0]
    assert 0 < left < rows
    # There are levels with no row left, and they are no offence.
    gone = retired.sql("SELECT count(*) FROM levels l WHERE NOT EXISTS "
                       "(SELECT FROM idempotency i WHERE i.sku = l.sku AND i.location = l.location)")  # fmt: skip
    assert gone[0][0] > 0
    after = retired.audit()
    assert after.pop("seals")["count"] > before.pop("seals")["count"] == 0  # what went was sealed first
    assert after == before


@pytest.mark.parametrize("invariant", FAULTS)
def test_faults_in_what_is_left_are_seen(retired, invariant):
    fault, remedy = FAULTS[invariant]
    retired.sql(fault)
    report = json.loads(retired.run("audit", "-o", "json", code=1))
    assert invariant in {found["invariant"] for found in report["violations"]}
    retired.sql(remedy)
    assert retired.audit()["ok"] is True


def test_a_young_level_without_a_row_is_an_offence(retired):
    retired.sql("INSERT INTO levels (sku, location, quantity, source, occurred_at, revision, count) "
                "VALUES ('NOBODY-SAID', 'BER', 5, 'wms', now(), 1, 5)")  # fmt: skip
    report = json.loads(retired.run("audit", "-o", "json", code=1))
    assert any("NOBODY-SAID" in found["offender"] for found in report["violations"])
    retired.sql("DELETE FROM levels WHERE sku = 'NOBODY-SAID'")
