"""Records published once more into the live state: harmless where known, news where not; archives out and in."""

import base64
import json
import time

from tests.harness.waiting import wait_until
from tests.harness.worker import Worker, run_parstock
from tests.model.generate import CALM, HOSTILE, Message, Plan, generate
from tests.scenarios.stage import CONTRACT, Stage

DAY_MS = 24 * 3600 * 1000


def stream(stage, count: int, seed: int, mix: dict) -> list:
    first_ms = int(time.time() * 1000) - count * 40
    plan = Plan(count, seed, partitions=stage.partitions, first_ms=first_ms, mix=mix)
    return list(generate(plan))


def replay(stage, *arguments: str, code: int = 0) -> dict:
    answer = run_parstock("replay", *arguments, "-o", "json", env=stage.env)
    said = answer.stdout.decode() + answer.stderr.decode()
    assert answer.returncode == code, f"replay {arguments}: exit {answer.returncode}\n{said}"
    return json.loads(answer.stdout) if answer.stdout else {"error": answer.stderr.decode()}


def bare(levels: list[dict]) -> list[tuple]:
    """Without what shops show."""
    return [(row["sku"], row["location"], row["quantity"], row["source"]) for row in levels]


def event(source: str, sku: str, quantity: int, at_ms: int, kind: str = "stock.counted") -> Message:
    value = {"type": kind, "source": source, "id": f"{source}-{sku}-{at_ms}", "sku": sku, "location": "BER",
             "quantity": quantity, "occurred_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at_ms / 1000))}  # fmt: skip
    return Message(sku.encode(), json.dumps(value).encode(), (), at_ms)


def test_what_is_known_changes_nothing(stage):
    """Killed on the way: what was published and not noted comes once more, and is a duplicate."""
    worker = stage.worker().wait_ready()
    stage.produce(stream(stage, 3000, 101, HOSTILE))
    stage.wait_settled()
    levels, records = stage.levels(), sum(stage.ends(stage.events_topic).values())
    plan = replay(stage, "plan", "--into", "live", "--sample", "1000000")
    assert plan["records"] == plan["looked_at"] == records and 0 < plan["known"] < records
    runner = Worker("replay", stage.env, stage.logs, name=f"{stage.schema}-replay",
                    arguments=("run", "--into", "live", "--rate", "1500"))  # fmt: skip
    runner.start()
    published = "SELECT coalesce(sum(published), 0) FROM replay_batch_parts"
    wait_until(lambda: not runner.running or stage.sql(published)[0][0] > 0, "a part of it", every_s=0.02)
    assert runner.running, runner.child.tail()
    runner.kill()
    stage.sql("UPDATE replay_batch_parts SET leased_until = now()")  # as if its lease had run out
    done = replay(stage, "run", "--into", "live", "--rate", "0")
    assert done["records"] == records and done["published"] == plan["published"]
    assert [done["refused"], done["not_chosen"]] == [plan["refused"], 0] and done["refused"] > 0
    assert stage.sql("SELECT count(*), min(state) FROM replay_batches") == [(1, "done")]
    copies = sum(stage.ends(stage.events_topic).values()) - records
    assert copies >= done["published"]
    stage.wait_settled()
    assert stage.levels() == levels
    stage.check()
    worker.terminate()


def test_a_source_that_the_contract_got_later(stage, session_dir):
    """Its past events were refused; published once more they count, but for changes too old to be sure of."""
    now_ms = int(time.time() * 1000)
    stage.worker()
    stage.produce([
        event("pos", "OLD-1", 7, now_ms - 60 * DAY_MS),
        event("pos", "OLD-2", 3, now_ms - 60 * DAY_MS, "stock.adjusted"),
        event("pos", "NEW-1", 4, now_ms - DAY_MS, "stock.adjusted"),
        event("wms", "WMS-1", 9, now_ms - DAY_MS),
    ])  # fmt: skip
    stage.wait_settled()
    assert bare(stage.levels()) == [("WMS-1", "BER", 9, "wms")]
    contract = json.loads(CONTRACT.read_text())
    contract["sources"].append({"name": "pos", "rank": 3, "state": "on_hand", "why": "The tills."})
    path = session_dir / "with-pos.json"
    path.write_text(json.dumps(contract))
    stage.stop()
    stage.env["PARSTOCK_CONTRACT"] = str(path)
    stage.worker().wait_ready()
    done = replay(stage, "run", "--into", "live", "--source", "pos")
    assert [done[name] for name in ("published", "too_old", "not_chosen", "refused")] == [2, 1, 1, 0]
    stage.wait_settled()
    traced = stage.sql("SELECT sku FROM idempotency WHERE traceparent LIKE %s ORDER BY 1", f"00-{done['batch']}-%")
    assert traced == [("NEW-1",), ("OLD-1",)], "the ledger names the batch"
    wanted = [("NEW-1", "BER", 4, "pos"), ("OLD-1", "BER", 7, "pos"), ("WMS-1", "BER", 9, "wms")]
    assert bare(stage.levels()) == wanted
    again = replay(stage, "run", "--into", "live", "--source", "pos", "--rate", "0")
    assert again["batch"] != done["batch"] and again["published"] == 4  # the copies too
    stage.wait_settled()
    assert bare(stage.levels()) == wanted and stage.audit()["ok"] is True


def text_of(member):
    return base64.b64decode(member["base64"]) if isinstance(member, dict) else member and member.encode()


def test_an_archive_out_and_into_another(stage, kafka, postgres, session_dir):
    worker = stage.worker()
    odd = Message(b"\xff\x00", b"\xfe{", (("x", None), ("y", b"\x80")), 1_764_000_000_000)
    stage.produce([*stream(stage, 1500, 103, CALM), odd])
    stage.wait_settled()
    path = session_dir / f"{stage.schema}.jsonl"
    exported = replay(stage, "export", "--out", str(path))
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    records = stage.records()
    assert exported["records"] == len(lines) == len(records)
    for line, record in zip(lines, records):
        assert (line["partition"], line["offset"], line["timestamp_ms"]) == (
            record.partition, record.offset, record.timestamp_ms)  # fmt: skip
        assert text_of(line["key"]) == record.key and text_of(line["value"]) == record.value
        assert tuple((text_of(n).decode(), text_of(v)) for n, v in line["headers"]) == record.headers
    replay(stage, "export", "--out", str(path), code=69)  # nothing is overwritten

    with Stage(kafka, postgres, session_dir) as other:
        other.set_up().worker()
        broken = session_dir / "broken.jsonl"
        broken.write_text(path.read_text() + '{"topic": 1}\n')
        refused = replay(other, "run", "--into", "live", "--from-file", str(broken), code=65)
        assert f"line {len(lines) + 1}" in refused["error"]
        assert not other.records(), "nothing of a broken archive is published"
        done = replay(other, "run", "--into", "live", "--from-file", str(path), "--rate", "0")
        assert (done["records"], done["refused"]) == (len(lines), 1)
        other.wait_settled()
        assert bare(other.levels()) == bare(stage.levels()) and len(other.levels()) > 100
        assert other.audit()["ok"] is True
        other.stop()
    worker.terminate()
