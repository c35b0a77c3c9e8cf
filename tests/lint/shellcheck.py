"""shellcheck: no finding in any shell script; each ends at the first failure (set -euo pipefail)."""

import re
import subprocess
from typing import Iterator

from .tree import Finding, Tree

RULE = "shellcheck"
_MESSAGE = re.compile(r"^(.*?):(\d+):\d+: \w+: (.*)$")
_STRICT = re.compile(r"^set -euo pipefail$|^\. .*/lib\.sh\"?$", re.MULTILINE)


def check(tree: Tree) -> Iterator[Finding]:
    files = tree.shell_files()
    if not files:
        return
    done = subprocess.run(
        ["shellcheck", "--external-sources", "--format=gcc", *files],
        cwd=tree.root, capture_output=True, text=True,
    )  # fmt: skip
    for line in done.stdout.splitlines():
        match = _MESSAGE.match(line)
        if match:
            yield Finding(match[1], int(match[2]), RULE, match[3])
    for file in files:
        if not _STRICT.search(tree.text(file)):
            yield Finding(file, 1, RULE, "lacks `set -euo pipefail`")
