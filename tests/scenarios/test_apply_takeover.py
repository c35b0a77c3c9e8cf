"""What the broker refuses stays in the tables, is said, and is tried again without filling other topics; a worker that
takes it over tells it in pieces: new records wait behind one piece, not behind the levels of a whole backlog."""

import re
import time

import pytest
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from tests.harness.postgres import Postgres
from tests.harness.waiting import wait_until
from tests.model.generate import Plan, generate
from tests.scenarios.stage import Stage, says
from tests.scenarios.test_apply_model import check_levels_topic

EVENTS = 40_000
PIECE_MAX = 16_384 + 8_192  # store_apply.h's step, and the rest of the page in which it ends
REFUSED_S = 6  # the first tries come after 0.25, 0.5, 1 and 2 s
ASKED = re.compile(r"execute changed_levels: .*?\$1 = '([^']*)', \$2 = '(\d+)', \$3 = '(\d+)', \$4 = '(\d+)'", re.S)


@pytest.fixture
def telling(run_dir):
    """A database that logs what it is asked, with parameters."""
    with Postgres(run_dir, name="postgres-telling", settings={"log_min_duration_statement": "0"}) as server:
        yield server


def largest_record(stage: Stage, size: str | None) -> None:
    """Of the topic of levels: with 1 the broker refuses every one of them."""
    how = AlterConfigOpType.DELETE if size is None else AlterConfigOpType.SET
    entry = ConfigEntry("max.message.bytes", size or "", incremental_operation=how)
    topic = ConfigResource(ResourceType.TOPIC, f"{stage.prefix}levels", incremental_configs=[entry])
    admin = AdminClient({"bootstrap.servers": stage.kafka.bootstrap})  # its answer comes only while it lives
    admin.incremental_alter_configs([topic])[topic].result(30)


def spans(log: str, topic: str) -> list[tuple[int, int]]:
    return [(int(begin), int(end)) for name, _, begin, end in ASKED.findall(log) if name == topic]


def all_judged(stage: Stage) -> bool:
    return stage.sql("SELECT next_offset FROM progress") == [(stage.ends(stage.events_topic)[0],)]


def identities(stage: Stage, topic: str) -> list[bytes]:
    return [dict(record.headers)["ce_id"] for record in stage.records(topic) if "ce_id" in dict(record.headers)]


def test_refused_then_told_in_pieces(kafka, telling, new_stage):
    stage = new_stage(kafka, telling, partitions=1).set_up()
    largest_record(stage, "1")
    first_ms = int(time.time() * 1000) - EVENTS * 40
    stage.produce(generate(Plan(EVENTS, 17, partitions=1, first_ms=first_ms)))
    first = stage.worker()
    wait_until(lambda: all_judged(stage), "all to be judged", 120)
    time.sleep(REFUSED_S)
    assert stage.sql("SELECT relayed_offset FROM progress") == [(0,)], "the broker was to refuse the levels"
    assert says(first, '"not ready","part":"outbox","why":"[^"]'), "nobody is told that records are refused"
    letters = identities(stage, "dead-letters")
    assert letters and len(letters) == len(set(letters)), "what was taken was sent again"
    copies = stage.ends(stage.events_topic)[0] - EVENTS
    assert copies == stage.sql("SELECT rekeyed FROM progress")[0][0] > 0
    first.kill()

    largest_record(stage, None)
    asked_before = len(spans(telling.log(), stage.events_topic))
    second = stage.worker()
    stage.wait_settled(120)
    end = stage.ends(stage.events_topic)[0]
    asked = spans(telling.log(), stage.events_topic)[asked_before:]
    assert asked[0][0] == 0 and max(until for _, until in asked) == end
    assert all(until - begin <= PIECE_MAX for begin, until in asked), asked
    reached = 0
    for begin, until in asked:
        assert begin <= reached, f"a piece from {reached} on is missing: {asked}"
        reached = max(reached, until)
    check_levels_topic(stage)
    stage.check()
    assert second.terminate() == 0
