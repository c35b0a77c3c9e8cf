"""Every rule catches the fault it is there for, and lets pass what is clean."""

import importlib
import re
import importlib.machinery
import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.harness.paths import ROOT
from tests.lint import analyzer, banned, budgets, layers, words
from tests.lint.tree import Tree

RUN = ROOT / "tests/lint/run"
_loader = importlib.machinery.SourceFileLoader("lint_run", str(RUN))
lint_run = importlib.util.module_from_spec(importlib.util.spec_from_loader("lint_run", _loader))
_loader.exec_module(lint_run)

CLEAN = {
    "common/README.md": "Layers.\n",
    "common/base/README.md": "Only libc.\n",
    "common/base/span.h": "int span_length(const char *text);\n",
    "common/domain/README.md": "Pure.\n",
    "common/domain/sku.c": """\
/* strcpy(in, a, comment) and "gets(" in text are no calls; time() neither. */
#include "common/base/span.h"

#include <string.h>

int sku_length(const char *text);

int sku_length(const char *text)
{
    return text[0] == 'a' ? span_length("gets(") : (int)strlen(text);
}
""",
    "common/base/span.c": """\
#include "common/base/span.h"

int span_length(const char *text)
{
    return text[0];
}
""",
    "common/codec/README.md": "JSON.\n",
    "common/codec/event_json.c": "#include <jansson.h>\n",
    "workers/README.md": "Workers.\n",
    "workers/apply/README.md": "apply.\n",
    "workers/apply/apply.h": "int apply_main(void);\n",
    "workers/main.c": '#include "workers/apply/apply.h"\n',
    "tool.sh": '#!/usr/bin/env bash\nset -euo pipefail\necho "$HOME"\n',
}
FLAGS = "gcc -std=c17 -O2 -Wall -Wextra -Wvla -Werror -I."


def function(parameters: str, body: str) -> str:
    return f"int f({parameters});\n\nint f({parameters})\n{{\n{body}    return 0;\n}}\n"


BRANCHES = "".join(f"    if (a == {n})\n        return {n};\n" for n in range(budgets.COMPLEXITY_MAX))
LINES = "    a++;\n" * budgets.FUNCTION_LINES_MAX
LEAK = """\
#include <stdlib.h>
int f(int a);
int f(int a)
{
    char *p = malloc(10);
    if (a > 3)
        return 1;
    free(p);
    return 0;
}
"""
# Spelled apart, so that the words rule does not find them here.
MACHINE_PATH = "/" + "work/shared"

# rule, seeded file, its text, what the finding must say
SEEDS = [
    ("format", "common/base/a.c", "int  x ;\n", "clang-format"),
    ("format", "workers/apply/a.h", "int f(int a){return a;}\n", "clang-format"),
    ("layers", "common/base/a.c", '#include "common/domain/sku.h"\n', "path from the root"),
    ("layers", "common/base/a.c", '#include "workers/apply/apply.h"\n', "may not include workers"),
    ("layers", "common/base/a.c", '#include "span.h"\n', "path from the root"),
    ("layers", "common/base/a.c", '#include "tool.sh"\n', "belongs to no layer"),
    ("layers", "workers/push/a.c", '#include "workers/apply/apply.h"\n', "another one's"),
    ("layers", "workers/push/a.c", "#include <jansson.h>\n", "belongs into common/codec"),
    ("layers", "common/io/http.c", "#  include <libpq-fe.h>\n", "common/io/postgres\\*.c alone"),
    ("layers", "common/io/postgres.c", "#include <librdkafka/rdkafka.h>\n", "kafka_"),
    ("layers", "common/io/kafka_in.h", "#include <librdkafka/rdkafka.h>\n", "kafka_"),
    ("layers", "common/io/store.c", '#include "common/io/kafka_conf.h"\n', "shows a foreign library"),
    ("layers", "common/base/a.c", "#include <uthash.h>\n", "neither libc"),
    ("layers", "common/domain/a.c", "#include <time.h>\n", "pure"),
    ("layers", "common/domain/a.c", "#include <stdlib.h>\n", "pure"),
    ("purity", "common/domain/a.c", "#include <time.h>\nlong f(void);\nlong f(void)\n{\n    return time(0);\n}\n", r"reaches time\(\)"),
    ("purity", "common/domain/a.c", "void *malloc(unsigned long n);\nvoid *f(void);\nvoid *f(void)\n{\n    return malloc(8);\n}\n", "reaches malloc"),
    ("purity", "common/domain/a.c", "int puts(const char *s);\nvoid f(void);\nvoid f(void)\n{\n    puts(__FILE__);\n}\n", "reaches puts"),
    ("purity", "common/domain/a.c", "int buf_open(void);\nint f(void);\nint f(void)\n{\n    return buf_open();\n}\n", "reaches buf_open"),
    ("budgets", "common/base/a.c", function("int a", BRANCHES), "complexity 13"),
    ("budgets", "common/base/a.c", function("int a", LINES), "at most 60"),
    ("budgets", "common/base/a.c", function("int a, int b, int c, int d,\n      int (*e)(int, int), int g", ""), "6 parameters"),
    ("budgets", "common/base/a.h", "\n" * 501, "501 lines"),
    ("budgets", "tests/a.py", "\n" * 501, "501 lines"),
    *[("banned", "tests/unit/a.c", f"int x = {name} (1);\n", rf"{name}\(\) is banned") for name in banned.load()],
    ("words", "docs/a.md", "a\n" + "TO" + "DO: finish\n", "unfinished"),
    ("words", "common/base/a.c", "/* good enough " + "for" + " now */\n", "unfinished"),
    ("words", "common/base/a.c", "/* a " + "stu" + "b */\n", "unfinished"),
    ("words", "docs/a.md", "not " + "implemented\n", "unfinished"),
    ("words", "docs/a.md", f"see {MACHINE_PATH}\n", "one machine"),
    ("words", "a.cfg", "registry." + "npmjs.org\n", "registry"),
    ("words", "a.cfg", "files." + "pythonhosted.org\n", "registry"),
    ("words", "a.cfg", "repo." + "maven.apache.org\n", "registry"),
    ("words", "a.cfg", "deb." + "debian.org\n", "registry"),
    ("words", "a.cfg", "proxy." + "golang.org\n", "registry"),
    ("readmes", "common/io/a.c", "int x;\n", "is missing"),
    ("readmes", "tests/doubles/shop/a.py", "\n", "is missing"),
    ("readmes", "common/base/README.md", "\n", "is missing"),
    ("shellcheck", "a.sh", "#!/bin/bash\nset -euo pipefail\nrm $1\n", "Double quote"),
    ("shellcheck", "command", "#!/usr/bin/env bash\nset -euo pipefail\nrm $1\n", "Double quote"),
    ("shellcheck", "a.sh", "#!/bin/bash\ntrue\n", "set -euo pipefail"),
    ("cppcheck", "common/base/a.c", function("void", "    int a[2];\n    a[2] = 1;\n"), "out of bounds"),
    ("cppcheck", "common/base/a.c", "#include <stdlib.h>\n" + function("void", "    void *p = malloc(4);\n    if (p)\n        return 1;\n"), "leak"),
    ("analyzer", "workers/apply/a.c", LEAK, "leak"),
    ("analyzer", "common/base/a.c", function("int a", "    int b[a];\n    b[0] = a;\n    a = b[0];\n"), "variable length array"),
    ("analyzer", "common/base/a.c", "int x = y;\n", "undeclared"),
]  # fmt: skip


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    shutil.copy(ROOT / ".clang-format", tmp_path)
    for file, text in CLEAN.items():
        write(tmp_path, file, text)
    (tmp_path / "build").mkdir()
    (tmp_path / "build/flags").write_text(FLAGS)
    return Tree(tmp_path)


def write(root: Path, file: str, text: str) -> None:
    path = root / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def judge(rule: str, tree: Tree) -> list:
    if rule == "purity":
        compile_objects(tree)
    module = importlib.import_module(f"tests.lint.{lint_run.RULES[rule]}")
    return list(module.check(tree))


def compile_objects(tree: Tree) -> None:
    for file in tree.under("common/domain/", "common/base/", suffixes=(".c",)):
        target = (tree.root / "build/obj" / file).with_suffix(".o")
        target.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["gcc", "-O2", "-I.", "-c", "-o", target, file], cwd=tree.root, check=True)


@pytest.mark.parametrize("rule", lint_run.RULES)
def test_clean_tree_passes(rule, tree):
    assert judge(rule, tree) == []


@pytest.mark.parametrize(
    "rule, file, text, what", SEEDS, ids=[f"{s[0]}-{n}" for n, s in enumerate(SEEDS)]
)
def test_seeded_fault_is_caught(rule, file, text, what, tree):
    write(tree.root, file, text)
    findings = judge(rule, tree)


    hits = [f for f in findings if re.search(what, f.what)]
    assert hits, findings
    assert all(f.rule == rule for f in findings)
    seeded = "README.md" if rule == "readmes" else file
    assert all(f.file.endswith(seeded) and f.line >= 1 for f in hits)


def test_every_rule_has_a_seed():
    assert {seed[0] for seed in SEEDS} == set(lint_run.RULES)


def test_domain_object_that_was_not_built_is_a_finding(tree):
    module = importlib.import_module("tests.lint.purity")
    assert [f.file for f in module.check(tree)] == ["common/domain/sku.c"]


def test_findings_name_the_line(tree):
    write(tree.root, "common/base/a.c", "\n\n/* gets(\n */\nint x = gets(1);\n")
    assert [(f.file, f.line) for f in banned.check(tree)] == [("common/base/a.c", 5)]


def test_analyzer_judges_again_after_a_header_changed(tree):
    write(tree.root, "common/base/a.h", "#define LIMIT 2\n")
    write(tree.root, "common/base/a.c", '#include "common/base/a.h"\nint x = LIMIT;\n')
    write(tree.root, "build/obj/common/base/a.d", "build/obj/a.o: common/base/a.c \\\n common/base/a.h\n")
    assert list(analyzer.check(tree)) == []
    assert list(analyzer.check(tree)) == []
    write(tree.root, "common/base/a.h", "#define LIMIT undeclared_here\n")
    assert list(analyzer.check(tree)) != []


def test_exempt_data_keeps_its_words(tree):
    write(tree.root, "schemas/examples/a.json", '"TO' + 'DO"\n')
    assert list(words.check(tree)) == []


def test_workers_may_include_what_all_workers_share(tree):
    write(tree.root, "workers/commands.h", "int x;\n")
    write(tree.root, "workers/apply/a.c", '#include "workers/commands.h"\n')
    assert list(layers.check(tree)) == []


def test_runner_prints_findings_and_fails(tree):
    write(tree.root, "common/base/a.c", "int x = gets(1);\n")
    command = [sys.executable, str(RUN), "--root", str(tree.root), "banned", "layers"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stdout.startswith("common/base/a.c:1: banned: gets() is banned")
    assert done.stdout.endswith("1 rules passed, 1 failed\n")
    (tree.root / "common/base/a.c").unlink()
    assert subprocess.run(command, capture_output=True).returncode == 0


def test_runner_refuses_an_unknown_rule():
    assert subprocess.run([sys.executable, str(RUN), "nonsense"], capture_output=True).returncode == 64
