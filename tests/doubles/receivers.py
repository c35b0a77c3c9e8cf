"""Receivers of alerts: Slack's incoming webhook, PagerDuty's Events API v2, a plain webhook that checks signatures.

Each refuses what the real one refuses by its public description, and keeps what it took. What it answers may be
changed while it runs: `answer(503)`, `answer(429, retry_after=2)`, `hang()`.
"""

import hashlib
import hmac
import json
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


class Refused(Exception):
    """The receiver's word on a request that is no good."""


def need(holds: bool, why: str) -> None:
    if not holds:
        raise Refused(why)


def plain_text(value, most: int, what: str) -> None:
    need(isinstance(value, str) and 0 < len(value) <= most, f"{what}: a text of 1 to {most} characters")


class Receiver:
    content_type = "application/json"
    good = 200

    def __init__(self) -> None:
        self.taken: list[dict] = []
        self.times: list[float] = []
        self.refused: list[str] = []
        self.tries = 0
        self._code, self._retry_after, self._hangs = 0, None, False
        self._lock = threading.Lock()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                code, text, headers = receiver.judge(self.path, self.headers, body)
                if code == 0:  # no answer at all
                    self.close_connection = True
                    return
                self.send_response(code)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_arguments) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    path = "/"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{self.path}"

    def answer(self, code: int, retry_after: int | None = None) -> None:
        """From now on; 0 = as it should."""
        self._code, self._retry_after, self._hangs = code, retry_after, False

    def hang(self) -> None:
        """Takes the request and never answers."""
        self._hangs = True

    def judge(self, path: str, headers, body: bytes) -> tuple[int, bytes, dict[str, str]]:
        with self._lock:
            self.tries += 1
        deadline = time.monotonic() + 600
        while self._hangs and time.monotonic() < deadline:
            time.sleep(0.05)
        if self._code:
            again = {} if self._retry_after is None else {"Retry-After": str(self._retry_after)}
            return self._code, b"not now", again
        try:
            need(path == self.path, "another path")
            need(headers.get_content_type() == self.content_type, f"content type {headers.get_content_type()}")
            message = json.loads(body.decode("utf-8"))
            self.check(message, headers, body)
        except (Refused, ValueError, KeyError, TypeError) as why:
            with self._lock:
                self.refused.append(repr(why))
            return 400, str(why).encode(), {}
        with self._lock:
            self.taken.append(message)
            self.times.append(time.monotonic())
        return self.good, self.thanks(message), {}

    def check(self, message: dict, headers, body: bytes) -> None:
        raise NotImplementedError

    def thanks(self, message: dict) -> bytes:
        return b"ok"

    def __enter__(self):
        return self

    def __exit__(self, *_exc) -> None:
        self._hangs = False
        self._server.shutdown()
        self._server.server_close()


class Slack(Receiver):
    """Blocks: at most 50; a section's text at most 3000 characters; & < > only escaped or in its own forms."""

    path = "/services/T000/B000/secret-of-slack"

    def check(self, message: dict, headers, body: bytes) -> None:
        need(set(message) <= {"text", "blocks"}, "unknown members")
        plain_text(message["text"], 4000, "text")
        need(1 <= len(message["blocks"]) <= 50, "blocks: 1 to 50")
        self.escaped(message["text"])
        for block in message["blocks"]:
            need(block["type"] in ("section", "context"), "block type")
            texts = [block["text"]] if block["type"] == "section" else block["elements"]
            need(len(texts) <= 10, "context: at most 10 elements")
            for text in texts:
                need(text["type"] == "mrkdwn" and set(text) == {"type", "text"}, "text object")
                plain_text(text["text"], 3000, "text of a block")
                self.escaped(text["text"])

    @staticmethod
    def escaped(text: str) -> None:
        need(not re.search(r"[<>]|&(?!(amp|lt|gt);)", text), "& < > must be escaped")


class PagerDuty(Receiver):
    path = "/v2/enqueue"
    good = 202
    severities = {"critical", "error", "warning", "info"}

    def __init__(self, routing_key: str):
        super().__init__()
        self.routing_key = routing_key

    def check(self, message: dict, headers, body: bytes) -> None:
        need(len(body) <= 512_000, "at most 512 KB")
        need(message["routing_key"] == self.routing_key and len(self.routing_key) == 32, "routing key")
        need(message["event_action"] in ("trigger", "acknowledge", "resolve"), "event_action")
        plain_text(message["dedup_key"], 255, "dedup_key")
        if message["event_action"] != "trigger":
            need(set(message) == {"routing_key", "event_action", "dedup_key"}, "needs no more")
            return
        payload = message["payload"]
        plain_text(payload["summary"], 1024, "summary")
        plain_text(payload["source"], 1024, "source")
        need(payload["severity"] in self.severities, "severity")
        need(bool(RFC3339.fullmatch(payload["timestamp"])), "timestamp")
        need(set(payload) <= {"summary", "source", "severity", "timestamp", "component", "group", "class",
                              "custom_details"}, "unknown members")  # fmt: skip

    def thanks(self, message: dict) -> bytes:
        return json.dumps({"status": "success", "message": "Event processed",
                           "dedup_key": message["dedup_key"]}).encode()  # fmt: skip


class PickyManager(Receiver):
    """As Alertmanager's API v2, but refuses every request with an alert of one SKU in it."""

    path = "/api/v2/alerts"

    def __init__(self, sku: str):
        super().__init__()
        self.sku = sku

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def check(self, message: list, headers, body: bytes) -> None:
        for alert in message:
            need(set(alert) == {"labels", "annotations", "startsAt", "endsAt"}, "unknown members")
            need(all(RFC3339.fullmatch(alert[name]) for name in ("startsAt", "endsAt")), "times")
            need(alert["startsAt"] <= alert["endsAt"], "ends before it starts")
            need(all(isinstance(v, str) and v for v in alert["labels"].values()), "labels")
            need(alert["labels"].get("sku") != self.sku, "not this one")


class Webhook(Receiver):
    """CloudEvents in structured mode, signed: a receiver that checks as docs/alerts.md says."""

    path = "/hook"
    content_type = "application/cloudevents+json"

    def __init__(self, secret: str):
        super().__init__()
        self.secret = secret

    def check(self, message: dict, headers, body: bytes) -> None:
        stamp, signature = re.fullmatch(r"t=(\d+),v1=([0-9a-f]{64})", headers["Parstock-Signature"]).groups()
        wanted = hmac.new(self.secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
        need(hmac.compare_digest(wanted, signature), "signature")
        need(abs(int(stamp) - time.time()) < 300, "an old message")
        need(message["specversion"] == "1.0" and message["type"] == "inventory.alert.v1", "no such event")
        for name in ("id", "source", "subject", "time"):
            plain_text(message[name], 400, name)
        need(headers["Parstock-Delivery"] == message["id"], "id of the delivery")
        need(message["data"]["incident"]["incident_id"] == message["subject"], "subject")
