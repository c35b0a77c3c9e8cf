#!/usr/bin/env python3
"""Writes the table of values into helm/parstock/README.md from the comments of values.yaml.

usage: helm/readme.py [--check]      (--check: changes nothing, exit 1 where the table is old)

A line "# -- text" (and plain comment lines after it) describes the key below it. A key without one is not listed.
"""

import re
import sys
from pathlib import Path

CHART = Path(__file__).resolve().parent / "parstock"
BEGIN, END = "<!-- values: written by helm/readme.py -->", "<!-- end of values -->"
_KEY = re.compile(r"^( *)([A-Za-z0-9_]+):(.*)$")


def described(lines: list[str]) -> list[tuple[str, str, str]]:
    """(path, default, text) of each key that a comment describes, in the file's order."""
    rows, path, text, inside = [], [], [], False
    for line in lines:
        comment = re.match(r"^ *# ?(-- )?(.*)$", line)
        key = _KEY.match(line)
        if comment:
            inside = bool(comment[1]) or (inside and bool(text))
            if comment[1]:
                text = [comment[2]]
            elif inside:
                text.append(comment[2])
        elif key:
            depth = len(key[1]) // 2
            path[depth:] = [key[2]]
            if text:
                default = key[3].strip()
                rows.append((".".join(path), default or "", " ".join(text)))
            text, inside = [], False
        else:
            text, inside = [], False
    return rows


def cell(text: str) -> str:
    return text.replace("|", r"\|")


def table(lines: list[str]) -> str:
    rows = ["| key | default | |", "|---|---|---|"]
    for path, default, text in described(lines):
        shown = f"`{cell(default)}`" if default else ""
        rows.append(f"| `{path}` | {shown} | {cell(text)} |")
    return "\n".join(rows)


def main(arguments: list[str]) -> int:
    if arguments not in ([], ["--check"]):
        print(__doc__, file=sys.stderr)
        return 64
    readme = CHART / "README.md"
    old = readme.read_text()
    before, rest = old.split(BEGIN)
    _, after = rest.split(END)
    values = (CHART / "values.yaml").read_text().splitlines()
    new = f"{before}{BEGIN}\n{table(values)}\n{END}{after}"
    if new == old:
        return 0
    if arguments:
        print(f"{readme}: the table is older than values.yaml: run helm/readme.py", file=sys.stderr)
        return 1
    readme.write_text(new)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
