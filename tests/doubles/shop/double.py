"""The double as a whole, without HTTP: takes a request's parts, answers with what is to
be sent, or not sent."""

from __future__ import annotations

import hashlib
import itertools
import json
import threading
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import snapshot
from .bulk import BulkOperations
from .call import Call
from .clock import Clock
from .config import Config
from .cost import Bucket, CostModel, actual, status
from .engine import Engine, Intent, Prepared, intent
from .faults import Decision, FaultPlan
from .inventory import Inventory
from .journal import Journal
from .oauth import Tokens
from .orders import Orders
from .resolvers import Resolvers
from .state import Shop
from .webhooks import Webhooks

HTML = (
    b"<!DOCTYPE html><html><head><title>Something went"
    b" wrong</title></head><body><h1>There was a problem</h1></body></html>"
)
UNAUTHORISED = {
    "errors": (
        "[API] Invalid API key or access token (unrecognized login or wrong password)"
    )
}


@dataclass(slots=True)
class Answer:
    """`how`: answered; dropped (nothing is sent, perhaps after a long wait); truncated
    (half of the body is)."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    how: str = "answered"
    file: Path | None = None
    call_id: int | None = None
    hang_seconds: float = 0.0


@dataclass(slots=True)
class Request:
    text: str
    variables: dict[str, Any]
    operation_name: str | None


def json_answer(value: Any, code: int = 200, **headers: str) -> Answer:
    body = json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
    return Answer(
        code, body, {"Content-Type": "application/json; charset=utf-8", **headers}
    )


class Double:
    def __init__(self, config: Config, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.config, self.defaults = config, Config(**vars(config))
        self.clock, self.shop, self.faults = Clock(), Shop(), FaultPlan()
        self.shop.made_up = config.bulk_made_up
        self.journal = Journal(directory / "journal.jsonl", self.clock)
        self.webhooks = Webhooks(config, self.clock, self.journal)
        self.orders = Orders(self.shop, self.clock, self.webhooks)
        self.tokens, self.bucket = Tokens(config, self.clock), Bucket(config, self.clock)
        self.inventory = Inventory(self.shop, config, self.clock, self.journal)
        resolvers = Resolvers(self.shop, self.orders)
        self.bulk = BulkOperations(
            self.shop, config, self.clock, self.journal, resolvers, directory / "bulk"
        )
        self.bulk.finished = self.orders.bulk_finished
        self.engine = Engine(config, resolvers, self.inventory, self.bulk, self.webhooks)
        self._costs = CostModel(self.engine.schema, config)
        self._call_ids = itertools.count(1)
        self.stopping = threading.Event()
        self._snapshot = directory / "state.json"
        restored = snapshot.load(
            self._snapshot, self.shop, self.inventory.keys, self.clock
        )
        self.journal.write("started", restored=restored)

    def stop(self) -> None:
        """Keeps the lock for good: whatever is still under way is not applied."""
        self.webhooks.stop()
        self.shop.lock.acquire()
        snapshot.save(self._snapshot, self.shop, self.inventory.keys, self.clock)
        self.journal.write("stopped")

    def reset(self) -> None:
        """Back to the state after the start, but for the journal, which goes on."""
        with self.shop.lock:
            self.config.update(vars(self.defaults))
            self.clock.reset()
            self.shop.clear()
            self.inventory.keys.clear()
            self.bulk.clear()
            self.webhooks.clear()
            self.orders.clear()
            self.tokens.revoke_all()
            self.faults.replace({})
            self.bucket.reset()
            self.journal.write("reset")

    # One GraphQL call

    def graphql(
        self,
        version: str,
        token: str | None,
        body: bytes,
        base_url: str,
        traceparent: str | None = None,
    ) -> Answer:
        served = (
            version
            if version in self.config.supported_versions
            else self.config.served_version
        )
        headers = {"X-Shopify-API-Version": served, "X-Request-Id": str(uuid.uuid4())}
        request = _request(body)
        prepared = self.engine.prepare(request.text) if request else Prepared(None, ())
        operation = prepared.operation(request.operation_name) if request else None
        wanted = (
            intent(operation, request.variables) if operation and request else Intent()
        )
        call = Call(next(self._call_ids), stopping=self.stopping, base_url=base_url)
        self.journal.write(
            "call",
            call=call.id,
            fields=wanted.fields,
            mutation=wanted.mutation,
            key=wanted.key,
            body_sha=hashlib.sha256(body).hexdigest(),
            pairs=wanted.pairs,
            **({"traceparent": traceparent} if traceparent else {}),
        )
        decision = self.faults.draw(_names(wanted))
        if decision.fired:
            self.journal.write("fault", call=call.id, faults=decision.fired)
        try:
            answer = self._decide(decision, token, request, prepared, call, operation)
        except Exception as problem:
            self._end(call, "failed", str(problem))
            raise
        answer.headers.update(headers)
        answer.call_id = call.id
        self.stopping.wait(decision.late_seconds)
        self._end(call, answer.how)
        return answer

    def _end(self, call: Call, how: str, problem: str | None = None) -> None:
        """Before the first byte goes out: a caller that has its answer may begin the
        next write at once."""
        more = {"problem": problem} if problem else {}
        self.journal.write(
            "ended",
            call=call.id,
            how=how,
            verdict=call.outcome,
            read_pairs=call.read_pairs,
            **more,
        )

    def _decide(
        self,
        decision: Decision,
        token: str | None,
        request: Request | None,
        prepared: Prepared,
        call: Call,
        operation: Any,
    ) -> Answer:
        fault = decision.fault
        call.delay_seconds = decision.delay_seconds
        if fault is not None and fault.before and fault.name != "throttled":
            return self._faulty(decision, Answer())
        if not self.tokens.valid(token):
            return json_answer(UNAUTHORISED, 401)
        if request is None:
            return json_answer(
                {"errors": {"query": "Required parameter missing or invalid"}}, 400
            )
        answer = self._execute(
            request,
            prepared,
            call,
            operation,
            fault is not None and fault.name == "throttled",
        )
        return self._faulty(decision, answer)

    def _execute(
        self,
        request: Request,
        prepared: Prepared,
        call: Call,
        operation: Any,
        throttled: bool,
    ) -> Answer:
        if prepared.errors:
            return json_answer({"errors": [error.formatted for error in prepared.errors]})
        if operation is None:
            return json_answer(
                {"errors": [{"message": "An operation name is required or unknown."}]}
            )
        points = self._costs.requested(operation, prepared.fragments, request.variables)
        if points > self.config.single_query_cost:
            return json_answer(
                {
                    "errors": [
                        {
                            "message": (
                                f"Query cost is {points}, which exceeds the single query"
                                f" max cost limit ({self.config.single_query_cost})."
                            ),
                            "extensions": {
                                "code": "MAX_COST_EXCEEDED",
                                "cost": points,
                                "maxCost": self.config.single_query_cost,
                            },
                        }
                    ]
                }
            )
        if throttled or not self.bucket.take(points):
            return self._throttled(points)
        call.raw_variables = request.variables
        if operation.operation.value == "query":
            call.pause()
            call.outcome = "read"
        result = self.engine.run(prepared, call, request.operation_name)
        spent = self._spent(operation, points, result)
        self.bucket.refund(points - spent)
        result["extensions"] = status(points, spent, self.bucket.available(), self.config)
        return json_answer(result)

    def _spent(self, operation: Any, points: int, result: dict[str, Any]) -> int:
        if operation.operation.value == "mutation":
            return points
        return max(
            1,
            min(
                points,
                sum(
                    actual(value, name) if name != "nodes" else actual(value, "nodes")
                    for name, value in (result.get("data") or {}).items()
                ),
            ),
        )

    def _throttled(self, points: int) -> Answer:
        present = max(0, min(self.bucket.available(), points - 1))
        return json_answer(
            {
                "errors": [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}],
                "extensions": status(points, None, present, self.config),
            }
        )

    def _faulty(self, decision: Decision, answer: Answer) -> Answer:
        fault = decision.fault
        if fault is None or fault.name == "throttled":
            return answer
        if fault.name == "hang":
            return Answer(
                how="dropped", hang_seconds=min(600.0, float(fault.params["seconds"]))
            )
        if fault.name in ("drop_before_apply", "drop_after_apply"):
            return Answer(how="dropped")
        if fault.name == "truncated":
            answer.how = "truncated"
            return answer
        if fault.name == "answer":
            canned = json_answer(fault.params["value"], int(fault.params["status"]))
            # Any API answer of 200 is a verdict; what another status proves, nobody can say.
            canned.how = "answered" if canned.status == 200 else "answer"
            return canned
        if fault.name == "status_429":
            retry_after = str(fault.params["retry_after"])
            return Answer(
                429,
                b"{}",
                {"Content-Type": "application/json", "Retry-After": retry_after},
                "status_429",
            )
        return Answer(
            int(fault.params["status"]), HTML, {"Content-Type": "text/html"}, fault.name
        )

    # The other end points

    def grant(self, form: bytes) -> Answer:
        decision = self.faults.draw({"oauth"})
        if decision.fault is not None and decision.fault.before:
            return self._faulty(decision, Answer())
        code, value = self.tokens.grant(form)
        return self._faulty(decision, json_answer(value, code))

    def bulk_file(self, number: int) -> Answer:
        path = self.bulk.file(number)
        if path is None:
            return Answer(404, b"", {"Content-Type": "text/plain"})
        answer = Answer(200, b"", {"Content-Type": "application/jsonl"}, file=path)
        return self._faulty(self.faults.draw({"bulk_download"}), answer)


def _request(body: bytes) -> Request | None:
    try:
        value = json.loads(body)
    except ValueError:
        return None
    if not isinstance(value, dict) or not isinstance(value.get("query"), str):
        return None
    variables = value.get("variables")
    return Request(
        value["query"],
        variables if isinstance(variables, dict) else {},
        value.get("operationName"),
    )


def _names(wanted: Intent) -> set[str]:
    return {"graphql", "mutation" if wanted.mutation else "query", *wanted.fields}
