"""Posts: what is taken lies in the topic and is applied; what is refused leaves nothing behind."""

import json
import socket
import time

import pytest

from tests.harness.waiting import wait_until
from tests.model.murmur2 import partition_of
from tests.scenarios.gateway_world import PATH, TOKENS, encode, event, gateway_on, lines_of, status_of
from tests.scenarios.topic import topic_records


@pytest.fixture(scope="module")
def shared(kafka, postgres, session_dir):
    from tests.scenarios.stage import Stage

    with Stage(kafka, postgres, session_dir) as stage:
        yield stage.set_up()


@pytest.fixture(scope="module")
def gateway(shared):
    with gateway_on(shared) as gateway:
        yield gateway.wait_ready()


def committed(stage):
    return topic_records(stage.kafka.bootstrap, stage.events_topic)


def test_each_form_is_taken(gateway, shared):
    before = len(committed(shared))
    pretty = json.dumps(event(3), indent=2).encode()
    forms = [
        (encode(event(1)), "application/json", 1),
        (encode([event(n) for n in range(4, 9)]), "application/json", 5),
        (lines_of(event(n) for n in range(9, 12)), "application/x-ndjson", 3),
        (lines_of(event(n) for n in range(12, 15)), "application/x-www-form-urlencoded", 3),
        (pretty, "text/plain", 1),
        (b"[]", "application/json", 0),
        (b"\n" + encode(event(16)) + b"\r\n\r\n" + encode(event(17)), "application/jsonl", 2),
    ]
    for body, kind, count in forms:
        answer = gateway.post(body, Content_Type=kind)
        assert (answer.status, answer.json()) == (202, {"count": count}), (body, answer.body)
    assert len(committed(shared)) - before == sum(count for _, _, count in forms)


def test_records_lie_where_apply_wants_them(gateway, shared):
    odd = event(100, sku=" abc–ä ", location="Berlin", reference="x")
    assert gateway.post(odd).status == 202
    (record,) = [r for r in committed(shared) if b'"e100"' in r.value]
    assert record.key == "ABC-Ä".encode()
    assert record.partition == partition_of(record.key, shared.partitions)
    assert json.loads(record.value) == odd
    assert record.headers == ()
    assert abs(record.timestamp_ms - time.time() * 1000) < 60_000


def test_trace_and_cloud_events(gateway, shared):
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    bare = event(201, id=None, source=None, type=None)
    answer = gateway.post(bare, traceparent=trace, ce_id="a%20b", ce_source="wms",
                          ce_type="stock.counted", ce_specversion="1.0")  # fmt: skip
    assert answer.status == 202, answer.body
    envelope = {"specversion": "1.0", "id": "x202", "source": "wms", "type": "stock.counted",
                "data": event(202, id=None, source=None, type=None)}  # fmt: skip
    assert gateway.post(envelope, Content_Type="application/cloudevents+json; charset=utf-8").status == 202
    batch = [envelope | {"id": f"x{n}"} for n in (203, 204)]
    assert gateway.post(batch, Content_Type="application/cloudevents-batch+json").status == 202
    assert gateway.post(event(205), traceparent="nonsense").status == 202
    found = {r.value: dict(r.headers) for r in committed(shared)}
    assert found[encode(bare)] == {"traceparent": trace.encode(), "ce_id": b"a b", "ce_source": b"wms",
                                   "ce_type": b"stock.counted"}  # fmt: skip
    structured = {"content-type": b"application/cloudevents+json"}
    assert found[encode(envelope)] == structured and found[encode(batch[1])] == structured
    assert [h for v, h in found.items() if b'"e205"' in v] == [{}]
    several = gateway.post([event(1), event(2)], ce_id="one", ce_source="wms", ce_type="stock.counted")
    assert several.status == 400 and "several" in several.json()["detail"]


def test_bad_events_are_named_by_line(gateway, shared):
    before = len(committed(shared))
    body = lines_of([event(1), event(2, quantity="12"), event(3, sku=" "), event(4)]) + b"\nnonsense\n"
    answer = gateway.post(body, Content_Type="application/x-ndjson")
    assert answer.status == 400
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == 400 and "3 of 5 events" in problem["detail"]
    assert [(e["line"], e["code"]) for e in problem["errors"]] == [
        (2, "wrong_type"), (3, "bad_sku"), (6, "not_json")]  # fmt: skip
    assert problem["errors"][0]["detail"].startswith("quantity: ")
    array = gateway.post([event(1), 7, event(2, location="Mars"), event(3, type="stock.lost")]).json()
    assert [(e["line"], e["code"]) for e in array["errors"]] == [
        (2, "not_an_object"), (3, "unknown_location"), (4, "unknown_type")]  # fmt: skip
    late = event(5, occurred_at="2099-01-01T00:00:00Z")
    assert gateway.post(late).json()["errors"][0]["code"] == "future_timestamp"
    for broken in (b"", b"  \n", b"[", encode([event(1)])[:-1], b"[" + encode(event(1)) + b",]", b"\xef\xbb\xbf{}",
                   encode(event(1)) + b" x", b"\xff\xfe{}", b"null"):  # fmt: skip
        assert gateway.post(broken).status == 400, broken
    assert len(committed(shared)) == before


def test_every_bad_line_of_many_is_named(gateway):
    body = lines_of({"n": n} for n in range(50_000))
    answer = gateway.post(body)
    assert answer.status == 400
    errors = answer.json()["errors"]
    assert [e["line"] for e in errors] == list(range(1, 50_001))
    assert {e["code"] for e in errors} == {"missing_field"}


def test_a_source_speaks_for_itself_alone(gateway, shared):
    before = len(committed(shared))
    for forged in (event(1, source="erp"), event(1, source="demo", type="shop.observed"),
                   event(1, source="demo", type="shop.ordered")):  # fmt: skip
        answer = gateway.post([event(2), forged])
        assert answer.status == 403, answer.body
        assert [(e["line"], e["code"]) for e in answer.json()["errors"]] == [(2, "not_yours")]
    mixed = gateway.post([event(1, source="erp"), event(2, quantity=1.5)])
    assert mixed.status == 400 and [e["line"] for e in mixed.json()["errors"]] == [1, 2]
    assert gateway.post(event(1, source="erp"), source="erp").status == 202
    assert len(committed(shared)) == before + 1


def test_tokens(gateway, shared):
    before = len(committed(shared))
    good = TOKENS["wms"]
    for wrong in ("", "x", good[:-1], good + "x", good.upper(), TOKENS["erp"][::-1]):
        answer = gateway.post(event(1), token=wrong)
        assert answer.status == 401, wrong
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert gateway.post(event(1), source=None).status == 401
    assert gateway.post(event(1), source=None, Authorization=f"Basic {good}").status == 401
    twice = (f"POST {PATH} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {good}\r\n"
             f"Authorization: Bearer {good}\r\nContent-Length: 2\r\n\r\n{{}}")  # fmt: skip
    assert status_of(gateway.raw(twice.encode())) == 401
    assert gateway.post(event(1), source=None, Authorization=f"bearer {good}").status == 202
    assert len(committed(shared)) == before + 1


def test_limits(gateway, shared):
    before = len(committed(shared))
    large = event(1, padding="x" * 65_536)
    answer = gateway.post([event(2), large])
    assert answer.status == 413
    assert [(e["line"], e["code"]) for e in answer.json()["errors"]] == [(2, "too_large")]
    fits = event(3, padding="")
    fits["padding"] = "x" * (65_536 - len(encode(fits)))
    assert len(encode(fits)) == 65_536
    assert gateway.post(fits).status == 202
    assert gateway.post(b" " * (8 * 1024 * 1024 + 1)).status == 413
    assert gateway.post(b" " * (8 * 1024 * 1024)).status == 400  # within, if empty
    head = f"POST {PATH} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {TOKENS['wms']}\r\n"
    chunks = head + "Transfer-Encoding: chunked\r\n\r\n800001\r\n"
    assert status_of(gateway.raw(chunks.encode())) == 413
    many = gateway.post(b"{}\n" * 100_000)
    assert many.status == 413 and "99999" in many.json()["detail"]
    assert gateway.post(event(1), Content_Encoding="gzip").status == 415
    assert len(committed(shared)) == before + 1


def test_a_large_post_is_taken_whole(gateway, shared):
    before = len(committed(shared))
    minimal = b'{"type":"stock.counted","source":"wms","id":"%d","sku":"a","location":"BER",'
    minimal += b'"quantity":1,"occurred_at":"2026-11-20T00:00:00Z"}\n'
    count = 8 * 1024 * 1024 // (len(minimal) + 4)
    body = b"".join(minimal % n for n in range(count))
    answer = gateway.post(body, Content_Type="application/jsonl")
    assert (answer.status, answer.json()) == (202, {"count": count}), answer.body[:300]
    assert len(committed(shared)) - before == count


def test_other_requests(gateway):
    assert gateway.post(event(1), path="/v1/stock-change").status == 404
    assert gateway.post(event(1), path="/").status == 404
    for method in ("GET", "PUT", "DELETE", "HEAD", "OPTIONS"):
        answer = gateway.raw(f"{method} {PATH} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        assert status_of(answer) == 405 and b"Allow: POST" in answer
    assert status_of(gateway.raw(b"POST / HTTP/1.1\r\nHost: a\r\n\r\n")) == 404


def test_a_connection_serves_many(gateway):
    body = encode(event(1))
    one = (f"POST {PATH} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {TOKENS['wms']}\r\n"
           f"Content-Length: {len(body)}\r\n\r\n").encode() + body  # fmt: skip
    answer = gateway.raw(one * 20)
    assert answer.count(b"HTTP/1.1 202 Accepted") == 20


def test_metrics(gateway):
    gateway.post(event(1))
    text = gateway.worker.get("/metrics")[1]
    assert f'parstock_gateway_requests_total{{route="{PATH}",status="202"}}' in text
    assert 'parstock_gateway_events_total{source="wms"}' in text
    assert "# TYPE parstock_gateway_request_seconds histogram" in text
    assert 'parstock_gateway_request_seconds_bucket{le="+Inf"}' in text
    wait_until(lambda: gateway.metric("parstock_gateway_body_memory_bytes") == 0, "the memory to be given back", 20)


def test_all_that_was_taken_is_applied(gateway, shared):
    """Last: the whole topic, markers of its transactions included, against the model."""
    apply = shared.worker().wait_ready()
    shared.wait_settled()
    shared.check()
    assert apply.terminate() == 0


def test_locations_of_a_source(kafka, postgres, session_dir, tmp_path, new_stage):
    stage = new_stage(kafka, postgres)
    contract = json.loads(json.dumps(stage.contract))
    contract["sources"][0]["locations"] = ["HAM"]
    path = tmp_path / "contract.json"
    path.write_text(json.dumps(contract))
    stage.env["PARSTOCK_CONTRACT"] = str(path)
    stage.set_up()
    with gateway_on(stage) as gateway:
        gateway.wait_ready()
        answer = gateway.post([event(1, location="HAM"), event(2, location="BER")])
        assert answer.status == 403
        assert [(e["line"], e["code"]) for e in answer.json()["errors"]] == [(2, "unknown_location")]
        assert gateway.post(event(1, location="Mars")).status == 400
        assert gateway.post(event(1, location="HAM")).status == 202
        assert gateway.worker.terminate() == 0


def test_a_client_that_leaves_gets_no_answer_and_does_no_harm(gateway):
    for _ in range(50):
        client = socket.create_connection(("127.0.0.1", gateway.port))
        body = encode(event(1))
        client.sendall(f"POST {PATH} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {TOKENS['wms']}\r\n"
                       f"Content-Length: {len(body)}\r\n\r\n".encode() + body)  # fmt: skip
        client.close()
    assert gateway.post(event(1)).status == 202
