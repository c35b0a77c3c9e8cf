"""words: no unfinished business, no path of one machine, no name of a package registry (tests/lint/words.txt)."""

import re
from pathlib import Path
from typing import Iterator

from .tree import Finding, Tree

RULE = "words"
LIST = Path(__file__).with_name("words.txt")
# Test data keeps the bytes it was given; the list and its seeded violations must name the words.
EXEMPT = re.compile(r"^(schemas/examples/|tests/(fuzz/corpus|vectors)/|tests/lint/(words\.txt|selftest/)|LICENSE)")


def load() -> list[tuple[re.Pattern, str]]:
    rows = [r for r in LIST.read_text().splitlines() if r and r[0] != "#"]
    return [(re.compile(p), why) for p, why in (re.split(r"\s{2,}", r, maxsplit=1) for r in rows)]


def check(tree: Tree) -> Iterator[Finding]:
    words = load()
    for file in tree.files:
        if EXEMPT.match(file):
            continue
        raw = (tree.root / file).read_bytes()
        if b"\0" in raw[:8000]:
            continue
        for number, line in enumerate(raw.decode("utf-8", "replace").splitlines(), 1):
            for pattern, why in words:
                match = pattern.search(line)
                if match:
                    yield Finding(file, number, RULE, f"'{match[0]}': {why}")
