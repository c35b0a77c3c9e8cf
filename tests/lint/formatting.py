"""format: clang-format 14 has nothing to change."""

import re
import subprocess
from typing import Iterator

from .tree import Finding, Tree

RULE = "format"
_MESSAGE = re.compile(r"^(.*?):(\d+):\d+: error: (.*) \[-Wclang-format-violations\]")


def check(tree: Tree) -> Iterator[Finding]:
    files = tree.c_files()
    if not files:
        return
    done = subprocess.run(
        ["clang-format-14", "--dry-run", "-Werror", "--style=file", *files],
        cwd=tree.root, capture_output=True, text=True,
    )  # fmt: skip
    for line in done.stderr.splitlines():
        match = _MESSAGE.match(line)
        if match:
            yield Finding(match[1], int(match[2]), RULE, f"{match[3]} (clang-format-14 -i)")
