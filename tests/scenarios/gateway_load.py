"""Loads on a gateway that tests and bench share: hostile requests, slow connections, clients that retry."""

import http.client
import json
import random
import selectors
import socket
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Callable

from tests.model.decode import Record
from tests.scenarios.gateway_world import PATH, TOKENS, Gateway, ask, encode, event, request_bytes, status_of

# ---- hostile requests -----------------------------------------------------------------------------

HOST = f"POST {PATH} HTTP/1.1\r\nHost: gateway\r\n".encode()
AUTH = f"Authorization: Bearer {TOKENS['wms']}\r\n".encode()
Hostile = tuple[bytes, set[int]]


def good_body(dice: random.Random) -> bytes:
    return encode([event(dice.randrange(1000)) for _ in range(dice.randint(1, 4))])


def forged(dice: random.Random) -> Hostile:
    token = TOKENS["wms"]
    wrong = dice.choice([token[:-1], token + "0", token[::-1], "", "null", "Bearer", dice.randbytes(24).hex(),
                         token.replace("w", "W", 1)])  # fmt: skip
    if dice.random() < 0.3:
        return request_bytes(encode(event(1, source=dice.choice(["erp", "erp"]))), token), {403}
    return request_bytes(good_body(dice), wrong), {401}


def truncated(dice: random.Random) -> Hostile:
    whole = request_bytes(good_body(dice))
    return whole[: dice.randrange(1, len(whole) - 1)], {400}


def cut_event(dice: random.Random) -> Hostile:
    body = good_body(dice)
    return request_bytes(body[: dice.randrange(0, len(body) - 1)]), {400}


def replayed(dice: random.Random) -> Hostile:
    """A captured request under a token that was taken back, or hidden behind another one's end."""
    inner = request_bytes(good_body(dice))
    if dice.random() < 0.5:
        return request_bytes(good_body(dice), "wms-token-of-last-year-0000"), {401}
    hidden = b"0\r\n\r\n" + inner
    head = dice.choice([b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: xchunked\r\n",
                        b"Content-Length: 4\r\n", b"transfer-encoding:\x0bchunked\r\n"])  # fmt: skip
    return request_bytes(hidden, head=head), {400}


def oversized(dice: random.Random) -> Hostile:
    kind = dice.randrange(5)
    if kind == 0:
        return HOST + AUTH + b"Content-Length: %d\r\n\r\n" % dice.randrange(8388609, 10**20), {413}
    if kind == 1:
        return request_bytes(encode(event(1, padding="x" * 65_536))), {413}
    if kind == 2:
        return HOST + AUTH + b"X-Large: " + b"x" * 17_000 + b"\r\n\r\n", {431}
    if kind == 3:
        return HOST + AUTH + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % dice.randrange(8388609, 2**32), {413}
    return f"POST /{'x' * 17_000} HTTP/1.1\r\n".encode(), {414}


FRAMING = [
    b"Content-Length: 5\r\nContent-Length: 5\r\n", b"Content-Length: 5, 5\r\n", b"Content-Length: +5\r\n",
    b"Content-Length: 0x5\r\n", b"Content-Length: 05\r\n", b"Content-Length : 5\r\n", b"Content-Length:\r\n",
    b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", b"Transfer-Encoding: gzip, chunked\r\n",
    b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", b" Content-Length: 5\r\n",
    b"Content-Length: 5\n", b"Content-Length: 5\r\n folded\r\n", b"A: \x00\r\nContent-Length: 5\r\n",
    b"Transfer-Encoding: chunked;q=1\r\n", b"Content-Length: 5\rX: y\r\n",
]  # fmt: skip


def ambiguous(dice: random.Random) -> Hostile:
    body = b"5\r\nhello\r\n0\r\n\r\n"
    return HOST + AUTH + dice.choice(FRAMING) + b"\r\n" + body, {400}


def bad_chunks(dice: random.Random) -> Hostile:
    chunks = dice.choice([b"5;a=b\r\nhello\r\n0\r\n\r\n", b"5\r\nhello0\r\n\r\n", b"5\nhello\r\n0\r\n\r\n",
                          b"0\r\nTrailer: x\r\n\r\n", b" 5\r\nhello\r\n0\r\n\r\n", b"g\r\n", b"-1\r\n",
                          b"5\r\nhello\r\n0\r\n\rX"])  # fmt: skip
    return HOST + AUTH + b"Transfer-Encoding: chunked\r\n\r\n" + chunks, {400}


def noise(dice: random.Random) -> Hostile:
    return b"\x16\x03\x01" + dice.randbytes(dice.randint(1, 300)), {400}


def broken_json(dice: random.Random) -> Hostile:
    body = bytearray(encode([event(1), event(2)]))
    body[dice.randrange(len(body))] = dice.choice(b"\x00\x01\xff\xc0")
    return request_bytes(bytes(body)), {400}


KINDS: list[Callable[[random.Random], Hostile]] = [
    forged, truncated, cut_event, replayed, oversized, ambiguous, bad_chunks, noise, broken_json,
]  # fmt: skip


def attack(gateway: Gateway, count: int, seed: int, threads: int = 4) -> Counter:
    """Statuses by kind; a wrong one is an assertion."""

    def one(number: int) -> tuple[str, int]:
        dice = random.Random(f"{seed}/{number}")
        kind = KINDS[number % len(KINDS)]
        data, wanted = kind(dice)
        answer = gateway.raw(data)
        status = status_of(answer)
        assert status in wanted, f"seed {seed}/{number}, {kind.__name__}: {status}, not {wanted}\n{data[:600]!r}\n{answer[:600]!r}"
        assert answer.count(b"HTTP/1.1 ") == 1, f"seed {seed}/{number}: answered more than once"
        return kind.__name__, status

    with ThreadPoolExecutor(threads) as crew:
        return Counter(crew.map(one, range(count)))


# ---- slow connections -----------------------------------------------------------------------------


class SlowCrowd:
    """Connections that say little, for ever: opened again when they are closed."""

    def __init__(self, port: int, count: int):
        self._port, self._count = port, count
        self._selector = selectors.DefaultSelector()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.opened = 0
        self.refused = Counter()

    def _open(self) -> None:
        kind = self.opened % 3
        begin = [b"", b"POST /v1", HOST + AUTH + b"Content-Length: 4000\r\n\r\n["][kind]
        client = socket.create_connection(("127.0.0.1", self._port), 30)
        client.sendall(begin)
        client.setblocking(False)
        self._selector.register(client, selectors.EVENT_READ, [b"", b"/", b" "][kind])
        self.opened += 1

    def _close(self, client: socket.socket) -> None:
        try:
            self.refused[status_of(client.recv(4096))] += 1
        except OSError:
            self.refused[0] += 1
        self._selector.unregister(client)
        client.close()

    def _drip(self) -> None:
        for key in list(self._selector.get_map().values()):
            try:
                key.fileobj.send(key.data)
            except OSError:
                pass  # closed: read as such

    def _run(self) -> None:
        dripped = 0.0
        while not self._ending.is_set():
            while len(self._selector.get_map()) < self._count:
                self._open()
            for key, _ in self._selector.select(0.1):
                self._close(key.fileobj)
            if time.monotonic() - dripped > 2:
                dripped = time.monotonic()
                self._drip()

    def __enter__(self) -> "SlowCrowd":
        self._thread.start()
        while self.opened < self._count:
            time.sleep(0.05)
            assert self._thread.is_alive()
        return self

    def __exit__(self, *_exc) -> None:
        self._ending.set()
        self._thread.join()
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()


def honest(gateway: Gateway, seconds: float, pause_s: float = 0.02) -> list[float]:
    """Seconds that each post took, sorted; every second one on a fresh connection."""
    took, end, number = [], time.monotonic() + seconds, 0
    kept = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=30)
    while time.monotonic() < end:
        number += 1
        body = encode(event(number, source="erp"))
        began = time.monotonic()
        answer = ask(kept, body, "erp") if number % 2 else gateway.post(body, "erp")
        took.append(time.monotonic() - began)
        assert answer.status == 202, answer.body
        time.sleep(pause_s)
    kept.close()
    return sorted(took)


def quantile(values: list[float], share: float) -> float:
    return values[min(len(values) - 1, int(len(values) * share))]


# ---- clients that retry ----------------------------------------------------------------------------


@dataclass
class Tries:
    """What became of every try; a try is named by the reference of its events."""

    taken: dict[str, int] = field(default_factory=dict)  # try -> events, answered 202
    refused: dict[str, int] = field(default_factory=dict)  # try -> events, anything else
    statuses: Counter = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, name: str, events: int, status: int) -> None:
        with self.lock:
            self.statuses[status] += 1
            (self.taken if status == 202 else self.refused)[name] = events


def post_until_taken(client: http.client.HTTPConnection, post: int, tries: Tries) -> None:
    """The same ids at each try; the reference alone tells the tries apart."""
    dice = random.Random(post)
    count = 1 + post % 3
    fields = [event(0, id=f"p{post}-{n}", sku=f"S{dice.randrange(500)}", type="stock.adjusted", quantity=1)
              for n in range(count)]  # fmt: skip
    for attempt in range(1000):
        name = f"{post}/{attempt}"
        body = encode([one | {"reference": name} for one in fields])
        try:
            status = ask(client, body).status
        except (OSError, http.client.HTTPException):
            client.close()
            status = 0
        tries.note(name, count, status)
        if status == 202:
            return
        time.sleep(0.05 + dice.random() * 0.3)
    raise AssertionError(f"post {post} was never taken")


def post_all(gateway: Gateway, posts: int, clients: int, tries: Tries) -> None:
    def one(number: int) -> None:
        client = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=30)
        for post in range(number, posts, clients):
            post_until_taken(client, post, tries)
        client.close()

    with ThreadPoolExecutor(clients) as crew:
        for done in [crew.submit(one, number) for number in range(clients)]:
            done.result()


def check_tries(records: list[Record], tries: Tries) -> Counter:
    """Every try is in the topic whole or not at all, and those that were answered 202 are."""
    found = Counter(json.loads(r.value)["reference"] for r in records)
    lost = [n for n, count in tries.taken.items() if found[n] != count]
    halves = [n for n, count in tries.refused.items() if found[n] not in (0, count)]
    assert not lost, f"{len(lost)} answered 202 and not whole in the topic: {lost[:5]}"
    assert not halves, f"{len(halves)} half published: {halves[:5]}"
    assert not set(found) - set(tries.taken) - set(tries.refused)
    unknown = sum(1 for n in tries.refused if found[n])
    return Counter(taken=len(tries.taken), refused=len(tries.refused), published_without_answer=unknown,
                   records=sum(found.values()))  # fmt: skip
