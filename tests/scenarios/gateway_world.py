"""A gateway on a stage, and clients of it: honest ones and others, over plain sockets."""

import http.client
import json
import re
import socket
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Iterator

from tests.harness.waiting import wait_until
from tests.harness.worker import Worker
from tests.scenarios.stage import Stage

PATH = "/v1/stock-changes"
TOKENS = {"wms": "wms-token-0123456789abcdef", "erp": "erp-token-0123456789abcdef"}
SETTINGS = {f"PARSTOCK_SOURCE_{name.upper()}_TOKEN": token for name, token in TOKENS.items()}
LIMIT_S = 60


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self):
        return json.loads(self.body)


def now_text() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="microseconds")


def event(number: int = 1, **changes) -> dict:
    fields = {
        "type": "stock.counted", "source": "wms", "id": f"e{number}", "sku": f"SKU-{number}",
        "location": "BER", "quantity": number, "occurred_at": now_text(),
    }  # fmt: skip
    return {k: v for k, v in (fields | changes).items() if v is not None}


class Gateway:
    def __init__(self, worker: Worker):
        self.worker = worker
        self.port = 0

    def wait_ready(self, limit_s: float = 60.0) -> "Gateway":
        self.wait_listening()
        self.worker.wait_ready(limit_s)
        return self

    def wait_listening(self) -> "Gateway":
        self.port = wait_until(self._find_port, "the gateway to listen", 60)
        return self

    def _find_port(self) -> int:
        for record in self.worker.log():
            if record["msg"] == "gateway endpoint":
                return int(record["listen"].rpartition(":")[2])
        return 0

    def metric(self, name: str) -> float:
        found = re.search(rf"^{re.escape(name)} ([0-9.]+)$", self.worker.get("/metrics")[1], re.M)
        return float(found[1]) if found else 0.0

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), LIMIT_S)

    def post(self, body, source: str | None = "wms", token: str | None = None, path: str = PATH,
             **headers: str) -> Answer:  # fmt: skip
        """Underscores of header names stand for dashes."""
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=LIMIT_S)
        try:
            return ask(client, body, source, token, path, **headers)
        finally:
            client.close()

    def raw(self, data: bytes) -> bytes:
        """Sent as it is; all that comes back until the end."""
        with self.connect() as client:
            try:
                client.sendall(data)
                client.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # refused before all was sent; the answer says why
            return read_all(client)


def read_all(client: socket.socket) -> bytes:
    pieces = []
    try:
        while piece := client.recv(65536):
            pieces.append(piece)
    except ConnectionResetError:
        pass
    return b"".join(pieces)


def status_of(answer: bytes) -> int:
    return int(answer[9:12]) if answer.startswith(b"HTTP/1.1 ") else 0


def encode(body) -> bytes:
    if isinstance(body, bytes):
        return body
    return body.encode() if isinstance(body, str) else json.dumps(body).encode()


def lines_of(events) -> bytes:
    return b"".join(encode(one) + b"\n" for one in events)


def ask(client: http.client.HTTPConnection, body, source: str | None = "wms", token: str | None = None,
        path: str = PATH, **headers: str) -> Answer:  # fmt: skip
    token = token if token is not None else TOKENS.get(source or "")
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    if token is not None:
        sent.setdefault("Authorization", f"Bearer {token}")
    client.request("POST", path, encode(body), sent)
    answer = client.getresponse()
    return Answer(answer.status, dict(answer.getheaders()), answer.read())


def request_bytes(body: bytes, token: str = TOKENS["wms"], head: bytes = b"") -> bytes:
    return (f"POST {PATH} HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer {token}\r\n".encode()
            + b"Content-Length: %d\r\n" % len(body) + head + b"\r\n" + body)  # fmt: skip


@contextmanager
def gateway_on(stage: Stage, *arguments: str, **settings: str) -> Iterator[Gateway]:
    name = f"{stage.schema}-gateway-{len(list(Path(stage.logs).glob(f'{stage.schema}-gateway-*.err')))}"
    worker = Worker("gateway", stage.env | SETTINGS | settings, stage.logs, name=name, arguments=arguments)
    try:
        yield Gateway(worker.start())
    finally:
        if worker.running:
            worker.resume()
            worker.kill()


def rss_kib(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise AssertionError("no VmRSS")
