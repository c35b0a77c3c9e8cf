"""cppcheck: warnings, performance and portability of cppcheck 2.10; suppressions stand in the code, with their reason."""

import re
import subprocess
from typing import Iterator

from .tree import Finding, Tree

RULE = "cppcheck"
CACHE = "build/lint/cppcheck"
_MESSAGE = re.compile(r"^(.*?):(\d+):(\w+):(.*)$")


def check(tree: Tree) -> Iterator[Finding]:
    files = [f for f in tree.c_files() if f.endswith(".c")]
    if not files:
        return
    (tree.root / CACHE).mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        ["cppcheck", "--quiet", "--enable=warning,performance,portability", "--std=c11", "-j2",
         "--inline-suppr", "--error-exitcode=1", "-I.", f"--cppcheck-build-dir={CACHE}",
         "-D_GNU_SOURCE", "--suppress=missingIncludeSystem", "--suppress=normalCheckLevelMaxBranches",
         "--template={file}:{line}:{id}:{message}", *files],
        cwd=tree.root, capture_output=True, text=True,
    )  # fmt: skip
    found = False
    for line in done.stderr.splitlines():
        match = _MESSAGE.match(line)
        if match:
            found = True
            yield Finding(match[1], int(match[2]), RULE, f"{match[4]} ({match[3]})")
    if done.returncode != 0 and not found:
        yield Finding("tests/lint/cppcheck.py", 1, RULE, (done.stdout + done.stderr)[-300:])
