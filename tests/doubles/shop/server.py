"""HTTP/1.1 with keep-alive, a thread a connection. Only transport: everything else is
in Double and Control."""

from __future__ import annotations

import re
import shutil
import socket
import socketserver
import sys
from http.server import BaseHTTPRequestHandler
from typing import Any

from .control import Control
from .double import Answer, Double

MAX_BODY = {"/_double/": 512 << 20, "": 16 << 20}
_GRAPHQL = re.compile(r"/admin/api/([^/]+)/graphql\.json")
_BULK = re.compile(r"/bulk/([0-9]{1,18})\.jsonl")


class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def __init__(self, address: tuple[str, int], double: Double) -> None:
        self.double, self.control = double, Control(double)
        super().__init__(address, Handler)

    @property
    def url(self) -> str:
        return f"http://{self.server_address[0]!s}:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that goes away in the middle is part of the tests; anything else is
        shown."""
        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server
    wbufsize = -1
    disable_nagle_algorithm = True
    timeout = 600

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        bulk = _BULK.fullmatch(path)
        if bulk:
            self._send(self.server.double.bulk_file(int(bulk[1])))
        elif path.startswith("/_double/"):
            self._send(self.server.control.get(path.removeprefix("/_double/"), query))
        else:
            self._send(Answer(404))

    def do_POST(self) -> None:
        body = self._body()
        if body is None:
            return
        graphql = _GRAPHQL.fullmatch(self.path)
        if graphql:
            token = self.headers.get("X-Shopify-Access-Token")
            self._send(
                self.server.double.graphql(
                    graphql[1], token, body, self.server.url, self.headers.get("traceparent")
                )
            )
        elif self.path == "/admin/oauth/access_token":
            self._send(self.server.double.grant(body))
        elif self.path.startswith("/_double/"):
            self._send(
                self.server.control.post(self.path.removeprefix("/_double/"), body)
            )
        else:
            self._send(Answer(404))

    def _body(self) -> bytes | None:
        limit = next(
            size for prefix, size in MAX_BODY.items() if self.path.startswith(prefix)
        )
        length = self.headers.get("Content-Length", "")
        if self.headers.get("Transfer-Encoding") or not length.isdigit():
            self._refuse(411)
            return None
        if int(length) > limit:
            self._refuse(413)
            return None
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            self.close_connection = True
            return None
        return body

    def _refuse(self, code: int) -> None:
        self.close_connection = True
        self._send(Answer(code))

    def _send(self, answer: Answer) -> None:
        try:
            self._write(answer)
        except OSError:
            self.close_connection = True
            if answer.call_id is not None:
                self.server.double.journal.write("undelivered", call=answer.call_id)

    def _write(self, answer: Answer) -> None:
        if answer.how == "dropped":
            self.server.double.stopping.wait(answer.hang_seconds)
            return self._drop()
        size = answer.file.stat().st_size if answer.file else len(answer.body)
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(size))
        self.end_headers()
        cut = size // 2 if answer.how == "truncated" else size
        if answer.file:
            with open(answer.file, "rb") as stream:
                if answer.how == "truncated":
                    self.wfile.write(stream.read(cut))
                else:
                    shutil.copyfileobj(stream, self.wfile, 1 << 16)
        else:
            self.wfile.write(answer.body[:cut])
        self.wfile.flush()
        if answer.how == "truncated":
            self._drop()

    def _drop(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, format: str, *args: object) -> None:
        """The journal is the log."""
