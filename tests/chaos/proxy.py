"""A TCP relay that can fail: connections cut, answers late, or nothing passing at all.

`python -m tests.chaos.proxy` is a process of its own, so that no byte waits for whoever plays
the nemesis. It prints `control=PORT` and takes one JSON command a line there:

    {"do": "open", "name": N, "target": PORT}    -> {"port": P}, a new way to the target
    {"do": "cut", "names": [..]}                 -> {"cut": connections that were open}
    {"do": "late", "names": [..], "ms": M}       every piece waits M ms; 0 heals
    {"do": "hole", "names": [..], "on": bool}    nothing passes, nobody is told; false heals
    {"do": "stats", "names": [..]}               -> sums of open, bytes, late, held
"""

import asyncio
import json
import socket
import struct
from dataclasses import dataclass, field
from pathlib import Path

from tests.harness.paths import ROOT
from tests.harness.process import Child

PIECE = 256 * 1024
NO_LINGER = struct.pack("ii", 1, 0)  # closing sends a reset, as a broken line does


@dataclass
class Way:
    """One listening port and the connections that came in by it."""

    target: int
    late_s: float = 0.0
    open_gate: asyncio.Event = field(default_factory=asyncio.Event)
    writers: set = field(default_factory=set)  # both ends of every connection
    bytes: int = 0
    late: int = 0  # pieces that were delayed
    held: int = 0  # pieces that met the hole

    async def carry(self, reader, writer) -> None:
        while piece := await reader.read(PIECE):
            self.bytes += len(piece)
            if self.late_s:
                self.late += 1
                await asyncio.sleep(self.late_s)
            if not self.open_gate.is_set():
                self.held += 1
                await self.open_gate.wait()
            writer.write(piece)
            await writer.drain()

    async def serve(self, reader, writer) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        both = (writer, far_writer)
        self.writers.update(both)
        there = asyncio.ensure_future(self.carry(reader, far_writer))
        back = asyncio.ensure_future(self.carry(far_reader, writer))
        try:
            await asyncio.wait((there, back), return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.writers.difference_update(both)
            for end in both:
                end.transport.abort()
            for task in (there, back):
                task.cancel()
            await asyncio.gather(there, back, return_exceptions=True)

    def cut(self) -> int:
        ends = list(self.writers)
        for end in ends:
            raw = end.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
            end.transport.abort()
        return len(ends) // 2


class Relay:
    def __init__(self):
        self.ways: dict[str, Way] = {}
        self._servers = []  # a server ends when nothing holds it

    async def _do_open(self, command: dict) -> dict:
        way = Way(command["target"])
        way.open_gate.set()
        server = await asyncio.start_server(way.serve, "127.0.0.1", 0, limit=PIECE)
        self._servers.append(server)
        self.ways[command["name"]] = way
        return {"port": server.sockets[0].getsockname()[1]}

    async def _do_cut(self, command: dict) -> dict:
        return {"cut": sum(way.cut() for way in self._named(command))}

    async def _do_late(self, command: dict) -> dict:
        for way in self._named(command):
            way.late_s = command["ms"] / 1000
        return {}

    async def _do_hole(self, command: dict) -> dict:
        for way in self._named(command):
            (way.open_gate.clear if command["on"] else way.open_gate.set)()
        return {}

    async def _do_stats(self, command: dict) -> dict:
        ways = self._named(command)
        counts = {n: sum(getattr(w, n) for w in ways) for n in ("bytes", "late", "held")}
        return counts | {"open": sum(len(w.writers) // 2 for w in ways)}

    def _named(self, command: dict) -> list[Way]:
        return [self.ways[name] for name in command["names"]]

    async def control(self, reader, writer) -> None:
        while line := await reader.readline():
            command = json.loads(line)
            answer = await getattr(self, f"_do_{command['do']}")(command)
            writer.write(json.dumps(answer).encode() + b"\n")
            await writer.drain()

    async def run(self) -> None:
        server = await asyncio.start_server(self.control, "127.0.0.1", 0)
        print(f"control={server.sockets[0].getsockname()[1]}", flush=True)
        await server.serve_forever()


class Proxy:
    """The process, and its commands as methods."""

    def __init__(self, logs: Path, python: str, name: str = "proxy"):
        self.child = Child(name, [python, "-m", "tests.chaos.proxy"], logs, cwd=ROOT)
        port = int(self.child.wait_line("control="))
        self._line = socket.create_connection(("127.0.0.1", port), 10).makefile("rw")

    def ask(self, do: str, **command) -> dict:
        self._line.write(json.dumps({"do": do, **command}) + "\n")
        self._line.flush()
        return json.loads(self._line.readline())

    def open(self, name: str, target: int) -> int:
        return self.ask("open", name=name, target=target)["port"]

    def cut(self, names: list[str]) -> int:
        return self.ask("cut", names=names)["cut"]

    def late(self, names: list[str], ms: int) -> None:
        self.ask("late", names=names, ms=ms)

    def hole(self, names: list[str], on: bool) -> None:
        self.ask("hole", names=names, on=on)

    def stats(self, names: list[str]) -> dict:
        return self.ask("stats", names=names)

    def stop(self) -> None:
        self._line.close()
        self.child.terminate()


if __name__ == "__main__":
    asyncio.run(Relay().run())
