"""layers: a layer includes itself and those before it; a foreign header has one home."""

import fnmatch
import re
from typing import Iterator

from .tree import Finding, Tree

RULE = "layers"
LAYERS = ["common/base", "common/domain", "common/codec", "common/io", "common/runtime", "workers"]

# Header (a trailing slash: all below it) -> the only files that may include it.
HOMES = {
    "jansson.h": "common/codec/*",
    "utf8proc.h": "common/codec/*",
    "openssl/": "common/codec/*",
    "librdkafka/": "common/io/kafka_*.c",
    "libpq-fe.h": "common/io/postgres*.c",
    "curl/": "common/io/http.c",
    "microhttpd.h": "common/io/admin_http.c",
    "cmocka.h": "tests/unit/*",
}
# Own headers that show a foreign library's types: who may include them.
GUARDED = {"common/io/kafka_conf.h": "common/io/kafka_*.c"}
PURE = {"stddef.h", "stdint.h", "stdbool.h", "string.h", "limits.h", "inttypes.h", "stdalign.h"}
LIBC = PURE | {
    "assert.h", "ctype.h", "dirent.h", "errno.h", "fcntl.h", "fnmatch.h", "getopt.h", "locale.h",
    "math.h", "netdb.h", "poll.h", "pthread.h", "pwd.h", "setjmp.h", "signal.h", "spawn.h", "stdarg.h",
    "stdatomic.h", "stdio.h", "stdlib.h", "stdnoreturn.h", "strings.h", "sysexits.h", "time.h", "unistd.h",
    "arpa/inet.h", "netinet/in.h", "netinet/tcp.h",
}  # fmt: skip
_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)
_LIBC_FOLDERS = ("sys/", "linux/")


def layer_of(file: str) -> int | None:
    for index, prefix in enumerate(LAYERS):
        if file.startswith(prefix + "/"):
            return index
    return None


def worker_of(file: str) -> str | None:
    parts = file.split("/")
    return parts[1] if parts[0] == "workers" and len(parts) > 2 else None


def judge_own(tree: Tree, file: str, header: str) -> str | None:
    if file.startswith("tests/"):
        return None
    guard = GUARDED.get(header)
    if guard and not fnmatch.fnmatch(file, guard):
        return f'"{header}" shows a foreign library: for {guard} alone'
    if not (tree.root / header).exists():
        return f'"{header}" is not a path from the root'
    mine, theirs = layer_of(file), layer_of(header)
    if theirs is None:
        return f'"{header}" belongs to no layer'
    if mine is not None and theirs > mine:
        return f"{LAYERS[mine]} may not include {LAYERS[theirs]} ({header})"
    if file != "workers/main.c" and worker_of(header) not in (None, worker_of(file)):
        return f"a worker may not include another one's {header}"
    return None


def judge_foreign(file: str, header: str) -> str | None:
    for pattern, home in HOMES.items():
        if header == pattern or (pattern.endswith("/") and header.startswith(pattern)):
            at_home = fnmatch.fnmatch(file, home) or file.startswith("tests/")
            at_home = at_home or GUARDED.get(file) == home
            return None if at_home else f"<{header}> belongs into {home} alone"
    if file.startswith("common/domain/"):
        return None if header in PURE else f"common/domain is pure: no <{header}>"
    if header in LIBC or header.startswith(_LIBC_FOLDERS) or file.startswith("tests/"):
        return None
    return f"<{header}> is neither libc nor a library with a home in tests/lint/layers.py"


def check(tree: Tree) -> Iterator[Finding]:
    for file in tree.c_files():
        text = tree.text(file)
        for match in _INCLUDE.finditer(text):
            quote, header = match[1], match[2]
            what = judge_own(tree, file, header) if quote == '"' else judge_foreign(file, header)
            if what:
                yield Finding(file, text.count("\n", 0, match.start(2)) + 1, RULE, what)
