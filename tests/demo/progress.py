"""One line that says where the demo is: it stays in place on a terminal, and comes now and then elsewhere."""

import shutil
import sys
import time

SELDOM_S = 5.0


class Progress:
    def __init__(self, out=sys.stdout):
        self._out = out
        self._terminal = out.isatty()
        self._started = time.monotonic()
        self._last = float("-inf")
        self._width = 0

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._started

    def show(self, text: str) -> None:
        now = time.monotonic()
        if now - self._last < (0.2 if self._terminal else SELDOM_S):
            return
        self._last = now
        line = f"{self.seconds:5.0f} s  {text}"
        if not self._terminal:
            print(line, file=self._out, flush=True)
            return
        line = line[: shutil.get_terminal_size().columns - 1]
        print(f"\r{line:<{self._width}}", end="", file=self._out, flush=True)
        self._width = len(line)

    def say(self, text: str) -> None:
        """A line that stays."""
        if self._terminal and self._width:
            print(f"\r{'':<{self._width}}\r", end="", file=self._out)
            self._width = 0
        print(f"{self.seconds:5.0f} s  {text}", file=self._out, flush=True)
