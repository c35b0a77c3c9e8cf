"""purity: what common/domain can reach, by its linked symbols: no clock, allocator, socket or log."""

import re
import subprocess
from pathlib import Path
from typing import Iterator

from .tree import Finding, Tree

RULE = "purity"
OBJECTS = Path("build/obj")
# The part of common/base that is as pure as the domain itself. check: the way out for bugs.
PURE_BASE = ("check", "error", "hash", "span", "status")
ALLOWED = re.compile(
    r"mem(cpy|move|set|cmp|chr)|str(len|cmp|ncmp|nlen|chr)|(v)?snprintf|bsearch"
    r"|__(mem(cpy|move|set)|(v)?snprintf)_chk|__stack_chk_fail|_GLOBAL_OFFSET_TABLE_"
)


def symbols(root: Path, objects: list[Path], *options: str) -> dict[str, set[Path]]:
    """Symbol -> the objects that have it."""
    found: dict[str, set[Path]] = {}
    for object_file in objects:
        listed = subprocess.run(
            ["nm", "--format=just-symbols", *options, object_file],
            cwd=root, check=True, capture_output=True, text=True,
        ).stdout.split()  # fmt: skip
        for symbol in listed:
            found.setdefault(symbol, set()).add(object_file)
    return found


def line_of(tree: Tree, file: str, symbol: str) -> int:
    name = re.sub(r"^__|_chk$", "", symbol)
    for number, line in enumerate(tree.code(file).splitlines(), 1):
        if re.search(rf"\b{re.escape(name)}\b", line):
            return number
    return 1


def check(tree: Tree) -> Iterator[Finding]:
    sources = [f for f in tree.under("common/domain/") if f.endswith(".c")]
    objects = []
    for source in sources:
        built = tree.root / OBJECTS / source
        built = built.with_suffix(".o")
        if not built.exists():
            yield Finding(source, 1, RULE, "is not built, so it cannot be judged: run make")
            continue
        objects.append(built)
    base = [tree.root / OBJECTS / f"common/base/{name}.o" for name in PURE_BASE]
    defined = symbols(tree.root, objects + [b for b in base if b.exists()], "--defined-only")
    for symbol, where in sorted(symbols(tree.root, objects, "--undefined-only").items()):
        if symbol in defined or ALLOWED.fullmatch(symbol):
            continue
        for built in sorted(where):
            source = str(built.relative_to(tree.root / OBJECTS).with_suffix(".c"))
            yield Finding(source, line_of(tree, source, symbol), RULE, f"reaches {symbol}()")
