"""Traces: a SKU's way under one trace id, from a post to the call to the shop and the alert; and a collector that fails."""

import json
import re
import secrets
from pathlib import Path
from typing import Any, Iterator

import pytest

from tests.doubles.otlp import Collector, Span
from tests.doubles.receivers import Webhook
from tests.harness.kafka import ApacheKafka
from tests.harness.ports import free_port
from tests.harness.postgres import Postgres
from tests.harness.waiting import wait_until
from tests.harness.worker import Worker, run_parstock
from tests.scenarios.drift_world import DriftWorld
from tests.scenarios.gateway_world import SETTINGS, Gateway, event
from tests.scenarios.shop_world import ago, now, text_of
from tests.scenarios.topic import topic_records

SECRET = "a-secret-that-signs"
ASK = {"rules": [{"id": "ask-a-person", "when": {}, "do": "escalate", "why": "Every difference is looked at here."}]}
NOBODY = "http://127.0.0.1:1"


class Desk(Webhook):
    """Keeps the traceparent of each message."""

    def __init__(self) -> None:
        super().__init__(SECRET)
        self.traces: list[str | None] = []

    def check(self, message: dict, headers, body: bytes) -> None:
        super().check(message, headers, body)
        self.traces.append(headers.get("traceparent"))


class TraceWorld(DriftWorld):
    def __init__(self, *args: Any, endpoint: str = "", desk: Desk | None = None, **more: Any):
        super().__init__(*args, **more)
        self.endpoint, self.desk = endpoint, desk
        alerts = [{"name": "desk", "kind": "webhook", "url": desk.url}] if desk else []
        self.more |= {"alerts": alerts, "policy": ASK}

    def env(self, **others: str) -> dict[str, str]:
        mine = {"PARSTOCK_OTLP_ENDPOINT": self.endpoint, "PARSTOCK_ALERT_DESK_SECRET": SECRET}
        return super().env(**(mine | SETTINGS | others))

    def work(self, command: str, **env: str) -> Worker:
        worker = Worker(command, self.env(**env), self.run_dir, name=f"{self.prefix}{command}-{len(self.workers)}")
        self.workers.append(worker)
        return worker.start(wait_ready=True)

    def traced(self, sku: str, quantity: int, trace: str | None, age_s: float = 60, **more: Any) -> None:
        """A count, with that header."""
        self._published += 1
        value = {"type": "stock.counted", "source": "wms", "sku": sku, "location": "BER", "quantity": quantity,
                 "occurred_at": text_of(ago(age_s)), "id": f"t-{self._published}", **more}  # fmt: skip
        headers = [("traceparent", trace.encode())] if trace else []
        self._producer.produce(f"{self.prefix}stock-changes", json.dumps(value).encode(), sku.encode(), headers=headers)
        self._producer.poll(0)

    def settle(self) -> None:
        assert self._producer.flush(60) == 0
        self.wait_judged()

    def calls(self) -> list[dict[str, Any]]:
        """Writes to the shop, in order."""
        return [line for line in self.journal() if line["kind"] == "call" and line["key"]]

    def headers(self, topic: str) -> list[dict[str, bytes]]:
        return [dict(record.headers) for record in topic_records(self.kafka.bootstrap, self.prefix + topic)]

    def explain(self, sku: str) -> dict[str, Any]:
        done = run_parstock("explain", sku, "-o", "json", env=self.env())
        assert done.returncode == 0, done.stderr.decode()
        return json.loads(done.stdout)[0]


def traceparent(sampled: bool = True, trace: str | None = None) -> str:
    return f"00-{trace or secrets.token_hex(16)}-{secrets.token_hex(8)}-{'01' if sampled else '00'}"


def trace_of(header: str) -> str:
    return header.split("-")[1]


def below(span: Span, header: str) -> bool:
    """Is it a child of the span that the header names?"""
    _, trace, parent, _ = header.split("-")
    return (span["traceId"], span.get("parentSpanId")) == (trace, parent)


def metric(worker: Worker, name: str) -> float:
    found = re.search(rf"^{re.escape(name)} ([0-9.]+)$", worker.get("/metrics")[1], re.M)
    return float(found[1]) if found else 0.0


def dropped(worker: Worker, reason: str) -> float:
    return metric(worker, f'parstock_trace_spans_dropped_total{{reason="{reason}"}}')


SENT = "parstock_trace_spans_sent_total"


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as one:
        yield one


# ---- the way


def test_a_skus_way_is_one_trace(run_dir: Path, postgres: Postgres, kafka: ApacheKafka, collector: Collector) -> None:
    """A post with a traceparent; apply, the shop's call, a finding, its incident and the alert of it lie below each other."""
    with Desk() as desk, TraceWorld(run_dir, kafka, postgres, endpoint=collector.endpoint, desk=desk) as world:
        (sku,) = world.load(1, 5, places=["BER"])
        world.sync()
        gateway = Gateway(world.work("gateway")).wait_ready()
        world.apply()
        world.push().start(wait_ready=True)
        header = traceparent()
        answer = gateway.post(event(1, sku=sku, quantity=40, occurred_at=text_of(ago(60))), traceparent=header)
        assert answer.status == 202
        wait_until(lambda: world.judged() == 1, "the event to be judged", 60)
        world.wait_par()
        world.edit(sku, available=47)
        for command in ("drift", "resolve", "notify"):
            world.work(command)
        (alert,) = wait_until(lambda: desk.taken, "the alert", 120)
        names = ("apply", "push pair", "push write", "drift finding", "incident opened", "notify")
        wait_until(lambda: all(collector.named(name) for name in names), "spans of every step", 60)
        assert {span["traceId"] for span in collector.spans} == {trace_of(header)}

        ((applied,), (pair,), (write,), (finding,), (opened,), (told,)) = (collector.named(name) for name in names)
        assert below(applied, header)
        assert below(pair, applied.header) and below(write, pair.header)
        assert below(finding, applied.header) and below(opened, finding.header) and below(told, opened.header)
        assert len({span["spanId"] for span in collector.spans}) == len(collector.spans) == len(names)
        assert [span.service.removeprefix("parstock-") for span in (applied, write, finding, opened, told)] == [
            "apply", "push", "drift", "resolve", "notify"]  # fmt: skip
        assert (applied.facts["parstock.sku"], applied.facts["parstock.level"]) == (sku, 40)
        assert applied.facts["parstock.outcome"] == "applied" and applied.facts["parstock.rule"] == "change"
        assert pair.facts["parstock.quantity"] == 40 and write.facts["http.response.status_code"] == 200
        assert finding.facts["parstock.residual"] == 7 and finding.facts["parstock.cause"] == "external_writer"
        assert opened.facts["parstock.incident"] == told.facts["parstock.incident"] == alert["subject"]
        assert not any("status" in span or span.links for span in collector.spans)

        # What others were given names the same spans.
        assert [call["traceparent"] for call in world.calls()] == [write.header]
        assert desk.traces == [told.header]
        assert [h["traceparent"].decode() for h in world.headers("drift")] == [finding.header]
        assert {h["traceparent"].decode() for h in world.headers("incidents")} == {finding.header}
        assert {h["traceparent"].decode() for h in world.headers("levels")} == {header}
        said = world.explain(sku)
        assert {said["events"][0]["trace_id"], said["writes"][0]["trace_id"]} == {trace_of(header)}
        table = run_parstock("explain", sku, env=world.env()).stdout.decode()
        assert table.count(f"trace {trace_of(header)}") == 2
        world.prove_journal()


def test_a_call_of_many_traces_links_to_each(
    run_dir: Path, postgres: Postgres, kafka: ApacheKafka, collector: Collector
) -> None:
    """Pairs that are sampled, one that is not, one without: the call has a trace of its own."""
    with TraceWorld(run_dir, kafka, postgres, endpoint=collector.endpoint) as world:
        skus = world.load(4, 5, places=["BER"])
        world.sync()
        world.apply()
        headers = [traceparent(), traceparent(), traceparent(sampled=False), None]
        for sku, header in zip(skus, headers):
            world.traced(sku, 30, header)
        world.settle()
        world.db.execute("UPDATE shop_levels SET shown = 5, shown_at = now(), stocked = true, dirty = true")
        world.push(calls=1).start(wait_ready=True)
        world.wait_par()
        wait_until(lambda: len(collector.spans) == 5, "all spans", 60)
        (write,) = collector.named("push write")
        pairs = {span.facts["parstock.sku"]: span for span in collector.named("push pair")}
        applied = {span.facts["parstock.sku"]: span for span in collector.named("apply")}
        assert set(pairs) == set(applied) == set(skus[:2])
        (call,) = world.calls()
        assert write["traceId"] == call["key"].replace("-", "") and "parentSpanId" not in write
        assert call["traceparent"] == write.header
        assert write.links == {(pair["traceId"], pair["spanId"]) for pair in pairs.values()}
        for sku, header in zip(skus[:2], headers):
            assert below(applied[sku], header) and below(pairs[sku], applied[sku].header)
            assert pairs[sku].links == {(write["traceId"], write["spanId"])}
        assert write.facts["parstock.pairs"] == 4


def test_a_refused_pair_fails_in_its_trace(
    run_dir: Path, postgres: Postgres, kafka: ApacheKafka, collector: Collector
) -> None:
    """The shop's refusal is the span's fault; the incident that push opens lies below the event."""
    with TraceWorld(run_dir, kafka, postgres, endpoint=collector.endpoint) as world:
        (sku,) = world.load(1, 5, places=["BER"])
        world.sync()
        world.edit(sku, mutable=False)
        world.apply()
        world.push().start(wait_ready=True)
        header = traceparent()
        world.traced(sku, 30, header)
        world.settle()
        wait_until(lambda: collector.named("incident opened"), "the incident", 60)
        wait_until(lambda: world.headers("incidents"), "the incident's record", 60)
        (applied,), (opened,) = collector.named("apply"), collector.named("incident opened")
        assert below(applied, header) and below(opened, applied.header)
        assert {span["status"]["message"] for span in collector.named("push pair")} == {
            span["status"]["message"] for span in collector.named("push write")}  # fmt: skip
        assert world.headers("incidents")[0]["traceparent"].decode() == applied.header


def test_without_an_export_the_trace_goes_on_as_it_came(run_dir: Path, postgres: Postgres, kafka: ApacheKafka) -> None:
    with TraceWorld(run_dir, kafka, postgres) as world:
        one, other = world.load(2, 5, places=["BER"])
        world.sync()
        apply = world.apply()
        world.push().start(wait_ready=True)
        for header in (traceparent(), traceparent(sampled=False), None):
            for _sku in (one,):
                world.traced(one, len(world.calls()) + 50, header, version=len(world.calls()) + 1)
            world.settle()
            world.wait_par()
            assert world.calls()[-1].get("traceparent") == header
        world.traced(one, 70, "00-nonsense", version=20)
        first, second = traceparent(), traceparent()
        world.traced(other, 60, first, version=20)
        world.traced(other, 61, second, version=21)
        world.settle()
        world.wait_par()
        last = world.db.execute("SELECT traceparent FROM shop_levels WHERE sku = %s AND location = 'BER'", (other,))
        assert last.fetchone()[0] == second
        assert world.calls()[-1].get("traceparent") == second
        (finding,) = found(world, other)
        assert finding == second
        assert "parstock_trace" not in apply.get("/metrics")[1]


def found(world: TraceWorld, sku: str) -> list[str]:
    """The header of the finding once somebody has edited the shop."""
    world.edit(sku, available=99)
    world.drift("--shop", "demo")
    return [h["traceparent"].decode() for h in world.headers("drift")]


# ---- a collector that fails


def flood(world: TraceWorld, skus: list[str], count: int) -> None:
    trace = secrets.token_hex(16)
    for number in range(count):
        world.traced(skus[number % len(skus)], number % 90 + 1, traceparent(trace=trace), version=number + 1)
    world.settle()


def test_a_collector_that_is_silent_delays_nobody(
    run_dir: Path, postgres: Postgres, kafka: ApacheKafka, collector: Collector
) -> None:
    """More spans than the queue holds while a request hangs: everything is judged and pushed, what does not fit is counted."""
    with TraceWorld(run_dir, kafka, postgres, endpoint=collector.endpoint) as world:
        skus = world.load(20, 5, places=["BER"])
        world.sync()
        apply = world.apply()
        collector.hang()
        world.traced(skus[0], 1, traceparent(), version=0)
        world.settle()
        wait_until(lambda: collector.tries, "a request to hang", 60)
        flood(world, skus, 9000)
        assert dropped(apply, "queue_full") > 0 and metric(apply, SENT) == 0
        push = world.push().start(wait_ready=True)
        world.wait_par()
        assert apply.terminate() == 0 and push.terminate() == 0
        assert run_parstock("audit", env=world.env()).returncode == 0


def test_what_a_collector_refuses_is_counted_and_what_it_puts_off_comes_again(
    run_dir: Path, postgres: Postgres, kafka: ApacheKafka, collector: Collector
) -> None:
    with TraceWorld(run_dir, kafka, postgres, endpoint=collector.endpoint) as world:
        skus = world.load(4, 5, places=["BER"])
        apply = world.apply()
        for code in (500, 400):
            before = dropped(apply, "refused")
            collector.answer(code)
            flood(world, skus, 40)
            wait_until(lambda: dropped(apply, "refused") == before + 40, f"40 spans to be dropped by {code}", 60)
        assert metric(apply, SENT) == 0 and not collector.taken

        collector.answer(503, retry_after=1)
        tries = collector.tries
        flood(world, skus, 40)
        wait_until(lambda: collector.tries > tries + 1, "another try", 60)
        collector.answer(0)
        wait_until(lambda: metric(apply, SENT) == 40, "40 spans to be taken", 60)
        assert len(collector.spans) == 40 and dropped(apply, "refused") == 80
        assert len({span["spanId"] for span in collector.spans}) == 40

        collector.rejects = 3
        flood(world, skus, 40)
        wait_until(lambda: metric(apply, SENT) + dropped(apply, "refused") == 160, "all spans to be settled", 60)
        assert dropped(apply, "refused") >= 83
        said = [line["msg"] for line in apply.log() if line["level"] != "debug" and "span" in line["msg"]]
        assert said == ["spans of sampled traces are exported", "spans are not taken", "spans are taken again"]


def test_a_collector_that_is_away(run_dir: Path, postgres: Postgres, kafka: ApacheKafka) -> None:
    """Tried five times, then dropped; the worker was ready all the while."""
    with TraceWorld(run_dir, kafka, postgres, endpoint=f"http://127.0.0.1:{free_port()}") as world:
        skus = world.load(2, 5, places=["BER"])
        apply = world.apply()
        flood(world, skus, 10)
        wait_until(lambda: dropped(apply, "away") == 10, "10 spans to be given up", 120)
        assert metric(apply, "parstock_trace_export_failures_total") == 5
        assert apply.ready()


# ---- settings


def test_headers_are_a_secret_and_go_along(run_dir: Path, postgres: Postgres, kafka: ApacheKafka) -> None:
    wants = {"X-Key": "k=v, w", "Authorization": "Bearer collector-secret"}
    with Collector(wants) as collector, TraceWorld(run_dir, kafka, postgres, endpoint=collector.endpoint) as world:
        skus = world.load(1, 5, places=["BER"])
        file = run_dir / "headers"
        file.write_text("x-key=k%3Dv%2C%20w, authorization=Bearer%20collector-secret\n")
        apply = world.work("apply", PARSTOCK_OTLP_HEADERS_FILE=str(file))
        flood(world, skus, 3)
        wait_until(lambda: metric(apply, SENT) == 3, "3 spans to be taken", 60)
        assert not collector.refused
        assert "collector-secret" not in apply.child.text("err") + apply.get("/metrics")[1]


@pytest.mark.parametrize("endpoint, headers, words", [
    ("collector:4318", "", "PARSTOCK_OTLP_ENDPOINT is http[s]://"),
    ("http://user:word@collector:4318", "", "PARSTOCK_OTLP_ENDPOINT is http[s]://"),
    ("http://collector:4318/", "", "slash at its end"),
    ("http://collector:4318", "k=hidden-word", "must be https where PARSTOCK_OTLP_HEADERS is set"),
    (NOBODY, "hidden-word", "name=value"),
    (NOBODY, "a b=hidden-word", "name=value"),
    (NOBODY, "k=hidden-word%0d%0ax: y", "name=value"),
    (NOBODY, "k=", "name=value"),
])  # fmt: skip
def test_settings_that_can_not_be_used(run_dir: Path, postgres: Postgres, kafka: ApacheKafka, endpoint, headers, words) -> None:
    with TraceWorld(run_dir, kafka, postgres, endpoint=endpoint) as world:
        done = run_parstock("apply", env=world.env(PARSTOCK_OTLP_HEADERS=headers))
        said = done.stderr.decode()
        assert done.returncode == 78 and words in said and "hidden-word" not in said, said
