"""What is measured of a run: rate, CPU by who used it, memory; and medians of several runs."""

import os
import re
import statistics
import time
from dataclasses import dataclass, field
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")


@dataclass
class Figures:
    """One run of one arm. CPU in seconds; what an arm does not have is None."""

    events: int
    seconds: float
    client: float | None = None
    broker: float | None = None
    postgres: float | None = None
    rss_mib: float | None = None
    outcomes: dict = field(default_factory=dict)

    @property
    def rate(self) -> float:
        return self.events / self.seconds

    def per_million(self, part: str) -> float | None:
        seconds = getattr(self, part)
        return None if seconds is None else seconds / self.events * 1e6


def _stat(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError):  # it ended just now
        return []


def cpu_of(pid: int, family: bool = False) -> float:
    """CPU seconds of a process; of its children too, dead ones included, with `family`."""
    own = _stat(pid)
    ticks = sum(int(own[i]) for i in ((11, 12, 13, 14) if family else (11, 12))) if own else 0
    if family:
        for entry in Path("/proc").iterdir():
            fields = _stat(int(entry.name)) if entry.name.isdigit() else []
            if fields and int(fields[1]) == pid:
                ticks += int(fields[11]) + int(fields[12])
    return ticks / TICK


def peak_rss_mib(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024


class Window:
    """From the moment it is made to `close`: time, and the CPU used by client, broker and Postgres."""

    def __init__(self, client: int | None, broker: int | None, postgres: int | None):
        self._pids = (client, broker, postgres)
        self._before = self._cpu()
        self._start = time.monotonic()

    def _cpu(self) -> list[float | None]:
        client, broker, postgres = self._pids
        return [
            None if client is None else cpu_of(client),
            None if broker is None else cpu_of(broker),
            None if postgres is None else cpu_of(postgres, family=True),
        ]

    def close(self, events: int) -> Figures:
        seconds = time.monotonic() - self._start
        used = [None if b is None else a - b for a, b in zip(self._cpu(), self._before)]
        rss = None if self._pids[0] is None else peak_rss_mib(self._pids[0])
        return Figures(events, seconds, *used, rss_mib=rss)


def median(rounds: list[Figures], part: str) -> float | None:
    """Of `rate`, `rss_mib`, or CPU seconds per million events."""
    values = [getattr(f, part) if part in ("rate", "rss_mib") else f.per_million(part) for f in rounds]
    return None if not values or None in values else statistics.median(values)


def ratio(above: list[Figures], below: list[Figures], part: str) -> float | None:
    upper, lower = median(above, part), median(below, part)
    return upper / lower if upper and lower else None
