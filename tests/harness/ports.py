"""Free ports of 127.0.0.1."""

import random
import socket

# Below the range from which the kernel takes ports for outgoing connections, so that a server
# which is stopped and started again finds its port still free.
FIRST, LAST = 20000, 31999
_given: set[int] = set()


def free_port() -> int:
    """A port nobody listens on now, and that this process has not given out before."""
    for _ in range(1000):
        port = random.randint(FIRST, LAST)
        if port in _given:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _given.add(port)
        return port
    raise RuntimeError(f"no free port between {FIRST} and {LAST}")


def listens(port: int) -> bool:
    """Whether somebody takes connections there."""
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True
