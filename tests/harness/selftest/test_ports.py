"""Free ports are free, and given out once."""

import socket

from tests.harness import ports


def test_no_port_twice():
    given = [ports.free_port() for _ in range(200)]
    assert len(set(given)) == len(given)


def test_a_taken_port_is_passed_over(monkeypatch):
    taken = ports.free_port()
    other = ports.free_port()
    ports._given.difference_update({taken, other})
    offers = iter([taken, other])
    monkeypatch.setattr(ports.random, "randint", lambda _low, _high: next(offers))
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", taken))
        listener.listen()
        assert ports.free_port() == other


def test_listens_tells_whether_somebody_is_there():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert ports.listens(port)
    assert not ports.listens(port)
