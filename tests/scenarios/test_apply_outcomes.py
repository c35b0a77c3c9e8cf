"""Every row of the outcome table, every reason code, and what a copy under the right key keeps."""

import json
import time
from collections import Counter

from tests.model.broken import BROKEN
from tests.model.examples import STORIES, sku_of_story, tell
from tests.model.generate import MINUTE_MS, Message, rfc3339
from tests.model.murmur2 import partition_of
from tests.scenarios.stage import Stage, counts_of

LEDGER = {0: "applied", 1: "unchanged", 3: "stale", 4: "shadowed"}
ERRORS = "__connect.errors."
TRACE = ("traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")


def fates(stage: Stage) -> dict:
    """What became of each record of the topic, from what it left behind; by its place."""
    fate = {(r.partition, r.offset): ("duplicate", "") for r in stage.records()}
    rows = stage.sql("SELECT partition, record_offset, outcome FROM idempotency")
    fate |= {(p, o): (LEDGER[outcome], "") for p, o, outcome in rows}
    for letter in stage.records("dead-letters"):
        headers = dict(letter.headers)
        place = tuple(int(headers[f"{ERRORS}{name}"]) for name in ("partition", "offset"))
        fate[place] = ("rejected", headers["parstock.reason"].decode())
    return fate


def sane(sku: str, at_ms: int, **more) -> dict:
    event = {"type": "stock.counted", "source": "wms", "sku": sku, "location": "BER"}
    return event | {"quantity": 7, "occurred_at": rfc3339(at_ms, _plain)} | more


class _Plain:
    """No variety: the first of every choice."""

    def choice(self, of):
        return of[0]

    def random(self):
        return 0.0


_plain = _Plain()


def encoded(event: dict, at_ms: int, headers=(), **more) -> Message:
    return Message(event["sku"].encode(), json.dumps(event).encode(), headers, at_ms, **more)


def test_every_row_of_the_table(stage):
    told = list(tell(stage.partitions, int(time.time() * 1000)))
    # All lie in the topic before the first is judged, so that copies come behind them.
    stage.produce(message for _, _, message in told)
    stage.worker()
    stage.wait_settled()
    fate, next_at, wrong = fates(stage), Counter(), []
    for story, step, message in told:
        place = (message.partition, next_at[message.partition])
        next_at[message.partition] += 1
        if fate[place] != (step.outcome, step.reason) and step.outcome != "rekeyed":
            wrong.append(f"{story}: {step.fields}: {fate[place]}, not {step.outcome}")
    assert not wrong, "\n".join(wrong)
    check_rulings(stage)
    model = stage.check()
    copies = sum(step.outcome == "rekeyed" for _, step, _ in told)
    assert len(model.verdicts) == len(told) + copies
    stage.stop()


def check_rulings(stage: Stage) -> None:
    rows = {(r["sku"], r["location"]): (r["source"], r["quantity"]) for r in stage.levels()}
    for number, (name, steps) in enumerate(STORIES.items()):
        last = steps[-1]
        if last.level is not None:
            place = last.fields.get("location", "BER").replace("Berlin", "BER")
            assert rows[(sku_of_story(number), place)] == last.level, name


def test_every_reason_code_ends_in_the_dead_letters(stage):
    now = int(time.time() * 1000)
    sent, after = [], []
    for code, makers in BROKEN.items():
        for number, make in enumerate(makers):
            sku = f"BAD-{code.upper()}-{number}"
            key = None if number == 0 else sku.encode()
            partition = partition_of(sku.encode(), stage.partitions)
            headers = (TRACE, ("mine", code.encode()), ("mine", None), ("empty", b""))
            bad = make(sane(sku, now))
            sent.append((code, Message(key, bad, headers, now, partition)))
            after.append(encoded(sane(sku, now), now))
    for code, message in ledger_refusals(now):
        sent.append((code, message))
        after.append(encoded(sane(f"AFTER-{len(sent)}", now), now))
    stage.worker()
    stage.produce([m for pair in zip((m for _, m in sent), after) for m in pair])
    stage.wait_settled()
    records = {(r.partition, r.offset): r for r in stage.records()}
    letters = {}
    for letter in stage.records("dead-letters"):
        letters[(letter.key, letter.value, dict(letter.headers)["parstock.reason"])] = letter
    for code, message in sent:
        if code == "prelude":
            continue
        letter = letters.get((message.key, message.value, code.encode()))
        assert letter is not None, f"{code}: no dead letter with {message.key} {message.value!r}"
        headers = dict(letter.headers)
        cause = (int(headers[f"{ERRORS}partition"]), int(headers[f"{ERRORS}offset"]))
        check_letter(letter, message, stage.events_topic, records[cause])
    rows = {row["sku"]: row["quantity"] for row in stage.levels()}
    missing = [m.key for m in after if rows.get(m.key.decode()) != 7]
    assert not missing, f"not applied after a refused one: {missing}"
    stage.check()
    stage.stop()


def ledger_refusals(now: int) -> list[tuple[str, Message]]:
    """Those that the bytes alone do not show, each after what makes it one."""
    old = now - 36 * 24 * 60 * MINUTE_MS
    adjusted = {"type": "stock.adjusted"}
    events = [
        ("prelude", sane("BAD-ID", now, id="1")),
        ("id_reused", sane("BAD-ID", now, id="1", quantity=8)),
        ("prelude", sane("BAD-LEVEL", now - MINUTE_MS, quantity=10**9)),
        ("level_out_of_range", sane("BAD-LEVEL", now, quantity=1) | adjusted),
        ("too_old", sane("BAD-AGE", old) | adjusted),
    ]
    return [(code, encoded(event, now, (TRACE,))) for code, event in events]


def check_letter(letter, message: Message, topic: str, cause) -> None:
    """The bytes as received, headers kept in their order, and the cause named."""
    received = [h for h in letter.headers if not h[0].startswith((ERRORS, "ce_", "parstock."))]
    assert received == list(message.headers)
    headers = dict(letter.headers)
    assert headers[f"{ERRORS}topic"].decode() == topic
    assert headers[f"{ERRORS}exception.message"].strip()
    assert (cause.key, cause.value) == (letter.key, letter.value) == (message.key, message.value)


def test_a_copy_under_the_right_key(stage):
    now = int(time.time() * 1000)
    headers = (TRACE, ("note", b"\x00\xff"), ("note", None), ("ce_note", b"kept"))
    right = partition_of(b"MOVE-1", stage.partitions)
    event = sane("move-1", now, id="m1")
    value = json.dumps(event).encode() + b" \n"
    wrong = [
        Message(b"other", value, headers, now - 5000),
        Message(None, value, headers, now - 4000),
        Message(b"move-1", value, headers, now - 3000),
        Message(b"MOVE-1", value, headers, now - 2000, (right + 1) % stage.partitions),
    ]
    stage.produce(wrong)
    stage.worker()
    stage.wait_settled()
    copies = [r for r in stage.records() if r.key == b"MOVE-1" and r.partition == right]
    assert counts_of(copies) == {(b"MOVE-1", value, m.headers, m.timestamp_ms): 1 for m in wrong}
    model = stage.check()
    wanted = {"applied": 1, "duplicate": 3, "rekeyed": 4}
    assert {k: n for k, n in model.outcomes().items() if n} == wanted
    stage.stop()


def test_a_record_with_very_many_headers_passes_through(stage):
    now = int(time.time() * 1000)
    many = tuple((f"h{n}", b"" if n % 2 else None) for n in range(2000))
    stage.produce([Message(b"MANY", b"{oops", many, now), Message(b"other", json.dumps(
        sane("MANY-2", now, id="x")).encode(), many, now)])  # fmt: skip
    stage.worker()
    stage.wait_settled()
    stage.check()
    (letter,) = stage.records("dead-letters")
    assert letter.headers[: len(many)] == many
    copies = [record for record in stage.records() if record.key == b"MANY-2"]
    assert [record.headers for record in copies] == [many]
