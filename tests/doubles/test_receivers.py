"""The receivers of alerts refuse what the real ones refuse."""

import hashlib
import hmac
import json
import time
import urllib.error
import urllib.request

import pytest

from tests.doubles.receivers import PagerDuty, Slack, Webhook

KEY = "k" * 32
TRIGGER = {"routing_key": KEY, "event_action": "trigger", "dedup_key": "i-1",
           "payload": {"summary": "s", "source": "demo", "severity": "error",
                       "timestamp": "2026-11-25T12:00:00Z"}}  # fmt: skip
MESSAGE = {"text": "a &amp; b", "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "*a*"}}]}
EVENT = {"specversion": "1.0", "type": "inventory.alert.v1", "id": "i-1/1/trigger", "source": "parstock/notify",
         "subject": "i-1", "time": "2026-11-25T12:00:00Z", "data": {"incident": {"incident_id": "i-1"}}}  # fmt: skip


def post(url: str, message: dict, kind: str = "application/json", **headers: str) -> int:
    body = json.dumps(message).encode()
    request = urllib.request.Request(url, body, {"Content-Type": kind, **headers})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status
    except urllib.error.HTTPError as refusal:
        return refusal.code


def without(message: dict, name: str) -> dict:
    return {key: value for key, value in message.items() if key != name}


@pytest.mark.parametrize("message, code", [
    (TRIGGER, 202),
    (without(TRIGGER, "dedup_key"), 400),
    ({**TRIGGER, "routing_key": "other"}, 400),
    ({**TRIGGER, "payload": {**TRIGGER["payload"], "severity": "bad"}}, 400),
    ({**TRIGGER, "payload": {**TRIGGER["payload"], "summary": "s" * 1025}}, 400),
    ({**without(TRIGGER, "payload"), "event_action": "resolve"}, 202),
    ({**without(TRIGGER, "payload"), "event_action": "close"}, 400),
])  # fmt: skip
def test_pagerduty(message, code):
    with PagerDuty(KEY) as receiver:
        assert post(receiver.url, message) == code
        assert len(receiver.taken) == (code == 202)


@pytest.mark.parametrize("message, code", [
    (MESSAGE, 200),
    ({"text": "a & b", "blocks": MESSAGE["blocks"]}, 400),
    ({"text": "<!channel>", "blocks": MESSAGE["blocks"]}, 400),
    (without(MESSAGE, "text"), 400),
    ({"text": "a", "blocks": MESSAGE["blocks"] * 51}, 400),
    ({"text": "a", "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "a" * 3001}}]}, 400),
])  # fmt: skip
def test_slack(message, code):
    with Slack() as receiver:
        assert post(receiver.url, message) == code


@pytest.mark.parametrize("secret, age, code", [("s3cret", 0, 200), ("other", 0, 400), ("s3cret", 900, 400)])
def test_webhook(secret, age, code):
    with Webhook("s3cret") as receiver:
        stamp = str(int(time.time()) - age)
        signed = hmac.new(secret.encode(), f"{stamp}.".encode() + json.dumps(EVENT).encode(), hashlib.sha256)
        answer = post(receiver.url, EVENT, receiver.content_type, **{
            "Parstock-Signature": f"t={stamp},v1={signed.hexdigest()}", "Parstock-Delivery": EVENT["id"]})  # fmt: skip
        assert answer == code


def test_it_answers_as_it_is_told():
    with Slack() as receiver:
        receiver.answer(503)
        assert post(receiver.url, MESSAGE) == 503
        receiver.answer(0)
        assert post(receiver.url, MESSAGE) == 200
        assert (receiver.tries, len(receiver.taken)) == (2, 1)
