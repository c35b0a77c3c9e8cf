"""The proxy does to connections what it says, and to no others."""

import socket
import sys
import threading

import pytest

from tests.chaos.proxy import Proxy
from tests.harness.waiting import wait_until


class Echo:
    """A server that gives back what it gets."""

    def __init__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                end, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(end,), daemon=True).start()

    def _answer(self, end):
        try:
            while piece := end.recv(65536):
                end.sendall(piece)
        except OSError:
            pass
        end.close()

    def close(self):
        self._listener.close()


@pytest.fixture
def proxy(run_dir):
    made = Proxy(run_dir, sys.executable)
    yield made
    made.stop()


@pytest.fixture
def echo():
    made = Echo()
    yield made
    made.close()


def connect(port):
    end = socket.create_connection(("127.0.0.1", port), 5)
    end.settimeout(5)
    return end


def says_back(end, text=b"hello"):
    end.sendall(text)
    got = b""
    while len(got) < len(text):
        got += end.recv(65536)
    return got == text


def test_bytes_pass_both_ways(proxy, echo):
    port = proxy.open("a", echo.port)
    with connect(port) as end:
        assert says_back(end, b"x" * 300_000)
        assert proxy.stats(["a"])["open"] == 1
        assert proxy.stats(["a"])["bytes"] == 600_000
    wait_until(lambda: proxy.stats(["a"])["open"] == 0, "the connection to be gone")


def test_a_cut_breaks_the_named_way_only(proxy, echo):
    one, two = connect(proxy.open("a", echo.port)), connect(proxy.open("b", echo.port))
    assert says_back(one) and says_back(two)
    assert proxy.cut(["a"]) == 1
    with pytest.raises(ConnectionResetError):
        one.recv(1)
        one.sendall(b"x")
        one.recv(1)
    assert says_back(two)
    assert proxy.cut(["a"]) == 0


def test_a_hole_swallows_until_it_is_healed(proxy, echo):
    port = proxy.open("a", echo.port)
    end = connect(port)
    assert says_back(end)
    proxy.hole(["a"], True)
    end.sendall(b"lost?")
    end.settimeout(0.5)
    with pytest.raises(TimeoutError):
        end.recv(1)
    assert proxy.stats(["a"])["held"] > 0
    proxy.hole(["a"], False)
    end.settimeout(5)
    assert end.recv(5) == b"lost?"


def test_latency_is_counted_and_ends(proxy, echo):
    end = connect(proxy.open("a", echo.port))
    proxy.late(["a"], 50)
    assert says_back(end)
    late = proxy.stats(["a"])["late"]
    assert late >= 2
    proxy.late(["a"], 0)
    assert says_back(end)
    assert proxy.stats(["a"])["late"] == late


def test_nobody_behind_it_closes_the_connection(proxy, echo):
    port = proxy.open("a", echo.port)
    echo.close()
    with socket.create_server(("127.0.0.1", 0)) as unused:
        dead = unused.getsockname()[1]
    port = proxy.open("b", dead)
    end = connect(port)
    try:
        assert end.recv(1) == b""
    except ConnectionResetError:
        pass
    assert proxy.stats(["b"])["open"] == 0
