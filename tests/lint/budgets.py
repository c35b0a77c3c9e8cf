"""budgets: how long and how branched a function, how long a file, how many parameters."""

import re
import subprocess
from typing import Iterator

from .tree import Finding, Tree

RULE = "budgets"
COMPLEXITY_MAX = 12
FUNCTION_LINES_MAX = 60
FILE_LINES_MAX = 500
PARAMETERS_MAX = 5
# Callbacks whose shape a foreign library prescribes.
CALLBACKS = {("common/io/admin_http.c", "answer")}


def count_parameters(code: str, line: int, name: str) -> int:
    """Parameters of the function that pmccabe found at `line`."""
    text = "\n".join(code.splitlines()[max(line - 4, 0) :])
    start = re.search(rf"\b{re.escape(name)}\s*\(", text)
    if not start:
        return 0
    depth, commas, inside = 1, 0, ""
    for character in text[start.end() :]:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if depth == 0:
            break
        commas += character == "," and depth == 1
        inside += character
    return 0 if inside.strip() in ("", "void") else commas + 1


def check_functions(tree: Tree, files: list[str]) -> Iterator[Finding]:
    measured = subprocess.run(
        ["pmccabe", *files], cwd=tree.root, check=True, capture_output=True, text=True
    ).stdout
    for row in measured.splitlines():
        complexity, _, _, first, lines, place, name = row.split(maxsplit=6)
        file = place[: place.index("(")]
        at = int(first)
        if int(complexity) > COMPLEXITY_MAX:
            what = f"{name} has complexity {complexity}, at most {COMPLEXITY_MAX}"
            yield Finding(file, at, RULE, what)
        if int(lines) > FUNCTION_LINES_MAX:
            what = f"{name} has {lines} lines, at most {FUNCTION_LINES_MAX}"
            yield Finding(file, at, RULE, what)
        parameters = count_parameters(tree.code(file), at, name)
        if parameters > PARAMETERS_MAX and (file, name) not in CALLBACKS:
            what = f"{name} takes {parameters} parameters, at most {PARAMETERS_MAX}"
            yield Finding(file, at, RULE, what)


def check(tree: Tree) -> Iterator[Finding]:
    for file in tree.c_files() + tree.under("", suffixes=(".py", ".sh")):
        lines = tree.text(file).count("\n")
        if lines > FILE_LINES_MAX:
            yield Finding(file, lines, RULE, f"{lines} lines, at most {FILE_LINES_MAX}")
    bodies = [f for f in tree.c_files() if f.endswith(".c")]
    if bodies:
        yield from check_functions(tree, bodies)
