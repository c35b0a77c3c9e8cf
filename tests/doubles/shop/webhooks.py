"""Webhooks: subscriptions, and deliveries as a shop makes them: signed, late, twice, in
another order, or never. All chance comes from one seed; all times are the double's."""

from __future__ import annotations

import base64
import hashlib
import heapq
import hmac
import http.client
import itertools
import json
import random
import threading
import uuid
from dataclasses import dataclass, field
from typing import Any, Callable
from urllib.parse import urlsplit

from . import gid
from .clock import Clock, iso
from .config import Config
from .journal import Journal

SENDERS = 4
ATTEMPTS = 9  # the first one and eight more
ANSWER_SECONDS = 5.0  # of real time: the other side is a real program


@dataclass
class Plan:
    """How deliveries go wrong: shares of them, and seconds of the double's clock."""

    seed: int = 1
    secret: str = "hush"
    delay: tuple[float, float] = (0.0, 0.0)
    lost: float = 0.0
    twice: float = 0.0
    late: float = 0.0
    late_by: tuple[float, float] = (60.0, 600.0)
    reordered: float = 0.0
    reordered_by: tuple[float, float] = (1.0, 30.0)
    new_id_share: float = 0.5  # of the second ones: another webhook id, the same event id
    retry_after: float = 60.0  # the first wait after a failure; doubles
    sends_all: bool = False  # whatever a subscription asks for
    drop_after: int = 8  # failures in a row after which a subscription is gone

    def update(self, values: dict[str, Any]) -> None:
        for name, value in values.items():
            if name not in vars(self):
                known = ", ".join(vars(self))
                raise ValueError(f"unknown setting {name}; known: {known}")
            kind = type(getattr(self, name))
            setattr(self, name, tuple(value) if kind is tuple else kind(value))


@dataclass
class Subscription:
    number: int
    topic: str  # as in the header
    uri: str
    fields: list[str]
    created_at: float
    failures: int = 0  # in a row

    def shown(self) -> dict[str, Any]:
        return {
            "__typename": "WebhookSubscription",
            "id": gid.make("WebhookSubscription", self.number),
            "topic": enum_of(self.topic),
            "uri": self.uri,
            "format": "JSON",
            "includeFields": self.fields,
            "createdAt": iso(self.created_at),
            "updatedAt": iso(self.created_at),
        }


@dataclass
class Payload:
    """Made when it is first sent; whoever sends it again sends the same bytes."""

    build: Callable[[], dict[str, Any]]
    body: bytes | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def bytes(self, fields: list[str]) -> bytes:
        with self.lock:
            if self.body is None:
                self.body = json.dumps(only(self.build(), fields), separators=(",", ":")).encode()
            return self.body


@dataclass(order=True)
class Delivery:
    due: float
    number: int
    subscription: Subscription = field(compare=False)
    event: str = field(compare=False)
    payload: Payload = field(compare=False)
    triggered_at: float = field(compare=False)
    webhook: str = field(compare=False)
    attempts: int = field(compare=False, default=0)


def enum_of(topic: str) -> str:
    return topic.upper().replace("/", "_")


def topic_of(name: str) -> str:
    """The header's spelling of a topic of the API; those with a word of two parts are
    known by name."""
    for resource in ("INVENTORY_LEVELS", "INVENTORY_ITEMS", "BULK_OPERATIONS"):
        if name.startswith(resource + "_"):
            return f"{resource}/{name[len(resource) + 1 :]}".lower()
    return name.replace("_", "/", 1).lower()


class Webhooks:
    def __init__(self, config: Config, clock: Clock, journal: Journal) -> None:
        self._config, self._clock, self._journal = config, clock, journal
        self._changed = threading.Condition()
        self._stopping = False
        self.clear()
        for _ in range(SENDERS):
            threading.Thread(target=self._send, daemon=True).start()

    def clear(self) -> None:
        with self._changed:
            self.plan = Plan()
            self._dice = random.Random(self.plan.seed)
            self._numbers = itertools.count(1)
            self.subscriptions: dict[int, Subscription] = {}
            self._leaving: dict[int, Subscription] = {}
            self._queue: list[Delivery] = []
            self._under_way = 0
            self.counts = dict.fromkeys(
                ("emitted", "lost", "sent", "answered", "failed", "twice", "late", "reordered", "given_up"), 0
            )  # fmt: skip

    def configure(self, values: dict[str, Any]) -> None:
        with self._changed:
            self.plan.update(values)
            if "seed" in values:
                self._dice = random.Random(self.plan.seed)
            self._changed.notify_all()

    def stop(self) -> None:
        with self._changed:
            self._stopping = True
            self._changed.notify_all()

    # Subscriptions

    def create(self, topic: str, values: dict[str, Any]) -> Subscription | str:
        """The subscription, or why there is none."""
        uri = values.get("uri") or values.get("callbackUrl") or ""
        refusal = _uri_refusal(uri)
        if refusal is not None:
            return refusal
        with self._changed:
            if any(s.topic == topic and s.uri == uri for s in self.subscriptions.values()):
                return "Address for this topic has already been taken"
            one = Subscription(next(self._numbers), topic, uri,
                               list(values.get("includeFields") or ()), self._clock.now())  # fmt: skip
            self.subscriptions[one.number] = one
        self._journal.write("subscribed", topic=topic, uri=uri)
        return one

    def change(self, number: int, values: dict[str, Any]) -> Subscription | str:
        with self._changed:
            one = self.subscriptions.get(number)
            if one is None:
                return "Webhook subscription does not exist"
            one.uri = values.get("uri") or one.uri
            if values.get("includeFields") is not None:
                one.fields = list(values["includeFields"])
        return one

    def unsubscribe(self, topic: str | None) -> int:
        """What a hand, another app's mistake or the shop itself takes away."""
        with self._changed:
            gone = [n for n, s in self.subscriptions.items() if topic in (None, s.topic)]
            for number in gone:
                del self.subscriptions[number]
        self._journal.write("unsubscribed", topic=topic, count=len(gone))
        return len(gone)

    def uninstalled(self) -> None:
        """No subscription is left; what was sent off is still delivered."""
        with self._changed:
            self._leaving = dict(self.subscriptions)
            self.subscriptions.clear()

    # Emitting

    def wanted(self, topic: str) -> bool:
        return any(s.topic == topic for s in self.subscriptions.values())

    def emit(self, topic: str, build: Callable[[], dict[str, Any]], event: str | None = None) -> None:
        """`build` makes the payload when it is first sent, as the shop does: a level is
        that of then."""
        event = event or str(uuid.uuid4())
        with self._changed:
            for one in self.subscriptions.values():
                if one.topic == topic:
                    self._schedule(one, build, event)
            self._changed.notify_all()

    def _schedule(self, one: Subscription, build: Callable[[], dict[str, Any]], event: str) -> None:
        plan, dice, now = self.plan, self._dice, self._clock.now()
        self.counts["emitted"] += 1
        due = now + dice.uniform(*plan.delay)
        lost = dice.random() < plan.lost
        for name, by in (("late", plan.late_by), ("reordered", plan.reordered_by)):
            if dice.random() < getattr(plan, name):
                due += dice.uniform(*by)
                self.counts[name] += not lost
        twice = dice.random() < plan.twice
        if lost:
            self.counts["lost"] += 1
            self._journal.write("webhook_lost", topic=one.topic, event=event)
            return
        payload = Payload(build)
        first = Delivery(due, next(self._numbers), one, event, payload, now, self._uuid())
        heapq.heappush(self._queue, first)
        if twice:
            self.counts["twice"] += 1
            webhook = self._uuid() if dice.random() < plan.new_id_share else first.webhook
            again = due + dice.uniform(*plan.late_by)
            heapq.heappush(self._queue, Delivery(again, next(self._numbers), one, event, payload, now, webhook))

    def _uuid(self) -> str:
        return str(uuid.UUID(int=self._dice.getrandbits(128), version=4))

    # Delivering

    def waiting(self) -> int:
        with self._changed:
            return len(self._queue) + self._under_way

    def _take(self) -> Delivery | None:
        with self._changed:
            while not self._stopping:
                now = self._clock.now()
                if self._queue and self._queue[0].due <= now:
                    self._under_way += 1
                    return heapq.heappop(self._queue)
                wait = (self._queue[0].due - now) / self._clock.speed if self._queue else 1.0
                self._changed.wait(max(0.001, min(wait, 0.05)))
            return None

    def _send(self) -> None:
        while (delivery := self._take()) is not None:
            number = delivery.subscription.number
            known = number in self.subscriptions or number in self._leaving
            status = self._post(delivery) if known else None
            with self._changed:
                self._under_way -= 1
                if status is not None:
                    self._judge(delivery, status)
                self._changed.notify_all()

    def _judge(self, delivery: Delivery, status: int) -> None:
        one, plan = delivery.subscription, self.plan
        good = 200 <= status < 300
        self.counts["answered" if good else "failed"] += 1
        one.failures = 0 if good else one.failures + 1
        if good:
            return
        if one.failures >= plan.drop_after and self.subscriptions.pop(one.number, None):
            self._journal.write("subscription_dropped", topic=one.topic, uri=one.uri)
        delivery.attempts += 1
        if delivery.attempts >= ATTEMPTS:
            self.counts["given_up"] += 1
            return
        delivery.due = self._clock.now() + plan.retry_after * 2 ** (delivery.attempts - 1)
        heapq.heappush(self._queue, delivery)

    def _post(self, delivery: Delivery) -> int:
        body = delivery.payload.bytes([] if self.plan.sends_all else delivery.subscription.fields)
        target = urlsplit(delivery.subscription.uri)
        with self._changed:
            self.counts["sent"] += 1
        kind = http.client.HTTPSConnection if target.scheme == "https" else http.client.HTTPConnection
        connection = kind(target.netloc, timeout=ANSWER_SECONDS)
        try:
            connection.request("POST", target.path, body, self.headers(delivery, body))
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException):
            status = 0
        finally:
            connection.close()
        self._journal.write("webhook", topic=delivery.subscription.topic, event=delivery.event,
                            webhook=delivery.webhook, status=status)  # fmt: skip
        return status

    def headers(self, delivery: Delivery, body: bytes) -> dict[str, str]:
        return {
            "Content-Type": "application/json",
            "X-Shopify-Topic": delivery.subscription.topic,
            "X-Shopify-Hmac-Sha256": signature(self.plan.secret, body),
            "X-Shopify-Shop-Domain": self._config.shop,
            "X-Shopify-API-Version": self._config.served_version,
            "X-Shopify-Webhook-Id": delivery.webhook,
            "X-Shopify-Event-Id": delivery.event,
            "X-Shopify-Triggered-At": iso(delivery.triggered_at),
        }


def signature(secret: str, body: bytes) -> str:
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


def _uri_refusal(uri: str) -> str | None:
    target = urlsplit(uri)
    local = target.hostname in ("127.0.0.1", "localhost", "::1")
    if target.scheme == "https" or (target.scheme == "http" and local):
        return None
    return "Address is invalid"


def only(payload: dict[str, Any], fields: list[str]) -> dict[str, Any]:
    """What includeFields leaves of a payload; no fields: all of it."""
    if not fields:
        return payload
    below: dict[str, list[str]] = {}
    for name in fields:
        head, _, rest = name.partition(".")
        below.setdefault(head, []).append(rest)
    return {name: _cut(value, below[name]) for name, value in payload.items() if name in below}


def _cut(value: Any, fields: list[str]) -> Any:
    if "" in fields:
        return value
    if isinstance(value, list):
        return [_cut(each, fields) for each in value]
    return only(value, fields) if isinstance(value, dict) else value
