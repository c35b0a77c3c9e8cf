"""analyzer: gcc -fanalyzer, under the project's own flags, over every C file of common/ and workers/.

What a file was compiled from is hashed (the .d file beside its object lists it), so an unchanged file costs nothing.
"""

import hashlib
import re
import shlex
import subprocess
from concurrent.futures import ThreadPoolExecutor
from typing import Iterator

from .tree import Finding, Tree

# Unoptimized: at -O2 a leaked allocation may be optimized away before the analyzer looks.
RULE = "analyzer"
CACHE = "build/lint/analyzer"
LIMIT_S = 120
_MESSAGE = re.compile(r"^([^:\s]+):(\d+):(?:\d+:)? (?:fatal )?(?:error|warning): (.*)")


def inputs(tree: Tree, file: str) -> list[str]:
    """The file and every header of ours that it includes."""
    listed = tree.root / "build/obj" / file.replace(".c", ".d")
    if not listed.exists():
        return [file]
    names = listed.read_text().replace("\\\n", " ").split("\n", 1)[0].split()[1:]
    return [file, *(n for n in names if not n.startswith("/") and (tree.root / n).is_file())]


def digest(tree: Tree, file: str, command: list[str]) -> str:
    state = hashlib.sha256(shlex.join(command).encode())
    for name in inputs(tree, file):
        state.update(name.encode() + (tree.root / name).read_bytes())
    return state.hexdigest()


def analyze(tree: Tree, file: str, command: list[str]) -> list[Finding]:
    key = digest(tree, file, command)
    passed = tree.root / CACHE / (file + ".ok")
    if passed.exists() and passed.read_text() == key:
        return []
    try:
        done = subprocess.run(
            [*command, "-O0", "-U_FORTIFY_SOURCE", "-fanalyzer", "-c", "-o", "/dev/null", file],
            cwd=tree.root, capture_output=True, text=True, timeout=LIMIT_S,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return [Finding(file, 1, RULE, f"takes longer than {LIMIT_S} s: divide the file")]
    matches = filter(None, map(_MESSAGE.match, done.stderr.splitlines()))
    findings = [Finding(m[1], int(m[2]), RULE, m[3]) for m in matches]
    if done.returncode != 0 and not findings:
        findings = [Finding(file, 1, RULE, done.stderr.strip()[-300:] or "the compiler failed")]
    if not findings:
        passed.parent.mkdir(parents=True, exist_ok=True)
        passed.write_text(key)
    return findings


def check(tree: Tree) -> Iterator[Finding]:
    flags = tree.root / "build/flags"
    if not flags.exists():
        yield Finding("Makefile", 1, RULE, "build/flags is missing: run make first")
        return
    command = shlex.split(flags.read_text())
    files = [f for f in tree.under("common/", "workers/") if f.endswith(".c")]
    with ThreadPoolExecutor(2) as pool:
        for findings in pool.map(lambda f: analyze(tree, f, command), files):
            yield from findings
