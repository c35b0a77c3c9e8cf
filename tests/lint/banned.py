"""banned: calls of functions that tests/lint/banned.txt names; it says what to use instead."""

import re
from pathlib import Path
from typing import Iterator

from .tree import Finding, Tree

RULE = "banned"
LIST = Path(__file__).with_name("banned.txt")


def load() -> dict[str, str]:
    rows = [r.split(maxsplit=1) for r in LIST.read_text().splitlines() if r and r[0] != "#"]
    return {name: instead for name, instead in rows}


def check(tree: Tree) -> Iterator[Finding]:
    banned = load()
    call = re.compile(r"(?<![\w.>])(" + "|".join(map(re.escape, banned)) + r")\s*\(")
    for file in tree.c_files():
        for number, line in enumerate(tree.code(file).splitlines(), 1):
            for match in call.finditer(line):
                what = f"{match[1]}() is banned; instead: {banned[match[1]]}"
                yield Finding(file, number, RULE, what)
