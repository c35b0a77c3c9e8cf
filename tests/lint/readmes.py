"""readmes: every directory of the map says, in a README.md, what lives there and what may not."""

import re
from pathlib import PurePosixPath
from typing import Iterator

from .tree import Finding, Tree

RULE = "readmes"
MAPPED = ("common/", "workers/", "schemas/", "tests/", "helm/", "docs/")
# Data, and the tests of a directory that describes them itself.
EXEMPT = re.compile(r"/(examples|corpus|vectors|selftest|templates|corpora)(/|$)")


def check(tree: Tree) -> Iterator[Finding]:
    directories = {str(PurePosixPath(f).parent) for f in tree.files if f.startswith(MAPPED)}
    # A directory of directories is a place on the map as well.
    for directory in list(directories):
        directories |= {str(p) for p in PurePosixPath(directory).parents if str(p) != "."}
    for directory in sorted(directories):
        if EXEMPT.search(directory):
            continue
        readme = tree.root / directory / "README.md"
        if not readme.exists() or not readme.read_text().strip():
            yield Finding(f"{directory}/README.md", 1, RULE, "is missing: what lives here?")
