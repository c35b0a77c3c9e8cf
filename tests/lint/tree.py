"""The files under judgement, and what a rule says of them."""

import os
import re
import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Iterator

_NOT_SOURCE = {".git", "build", "__pycache__", ".pytest_cache"}
_COMMENT_OR_TEXT = re.compile(
    r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.DOTALL
)


@dataclass(frozen=True, order=True)
class Finding:
    file: str
    line: int
    rule: str
    what: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.rule}: {self.what}"


class Tree:
    """A source tree: what git would commit, or, in a bare copy, every file outside build/."""

    def __init__(self, root: Path):
        self.root = root

    @cached_property
    def files(self) -> list[str]:
        if (self.root / ".git").exists():
            listed = subprocess.run(
                ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                cwd=self.root, check=True, capture_output=True, text=True,
            ).stdout.split("\0")  # fmt: skip
            return sorted(f for f in set(listed) if f and (self.root / f).is_file())
        return sorted(self._walk())

    def _walk(self) -> Iterator[str]:
        for where, directories, names in os.walk(self.root):
            directories[:] = [d for d in directories if d not in _NOT_SOURCE]
            for name in names:
                yield os.path.relpath(os.path.join(where, name), self.root)

    def under(self, *prefixes: str, suffixes: tuple[str, ...] = (".c", ".h")) -> list[str]:
        return [f for f in self.files if f.startswith(prefixes) and f.endswith(suffixes)]

    def c_files(self) -> list[str]:
        return self.under("common/", "workers/", "tests/")

    def shell_files(self) -> list[str]:
        return [
            f for f in self.files
            if f.endswith(".sh") or re.match(r"#!.*\b(ba)?sh\b", self.first_line(f))
        ]  # fmt: skip

    def first_line(self, file: str) -> str:
        with open(self.root / file, "rb") as stream:
            return stream.readline(200).decode("utf-8", "replace")

    def text(self, file: str) -> str:
        return (self.root / file).read_text(encoding="utf-8", errors="replace")

    def code(self, file: str) -> str:
        """C without comments and the insides of literals; every line keeps its number."""

        def blank(match: re.Match) -> str:
            found = match.group(0)
            lines = "\n" * found.count("\n")
            return f'""{lines}' if found[0] == '"' else f" {lines}"

        return _COMMENT_OR_TEXT.sub(blank, self.text(file))
