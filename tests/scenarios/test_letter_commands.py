"""Retries of dead letters from before their commands were numbered: what one person sent for one reason within a minute was one command."""

from tests.scenarios.stage import Stage

# Who, why, the second of the hour; a letter each.
SENT = [("anna", "typo", 5), ("anna", "typo", 50), ("anna", "typo", 65), ("anna", "", 6), ("ben", "typo", 7), ("ben", "typo", 8)]


def test_retries_of_before_are_counted_by_command(stage: Stage) -> None:
    stage.env["PARSTOCK_SCHEMA"] = stage.schema = f"{stage.schema}_old"
    stage.run("migrate", "--to", "29")
    for offset, (actor, why, second) in enumerate(SENT):
        stage.sql(
            "INSERT INTO letter_retries (topic, partition, record_offset, attempt, sku, origin_topic, origin_partition, origin_offset,"
            " reason, expected, is_forced, is_edited, digest_received, digest_sent, actor, why, state, at) VALUES"
            f" ('dead-letters', 0, {offset}, 1, 'CUP', 'stock-changes', 0, {offset}, 'wrong_type', 'applied', false, true, '', '',"
            f" '{actor}', '{why}', 'sent', timestamptz '2026-01-05 08:00:00Z' + interval '{second} seconds')"
        )
    stage.run("migrate")
    commands = [row[0] for row in stage.sql("SELECT command FROM letter_retries ORDER BY record_offset")]
    assert commands[0] == commands[1] and commands[4] == commands[5] and len(set(commands)) == 4 and max(commands) < 0
    counted = stage.sql("SELECT location, kind, interventions FROM kpi_interventions WHERE day = '2026-01-05'")
    assert counted == [("", "letter_retry", 4)]
