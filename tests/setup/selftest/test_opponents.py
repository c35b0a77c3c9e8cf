"""opponents.sh refuses jars other than the pinned ones before it compiles against them, and names a tool it lacks."""

import os
import shutil

import pytest

from tests.harness.paths import ROOT
from tests.setup.selftest.test_setup import EX_CONFIG, EX_UNAVAILABLE, fake, run

# Maven's part: every pinned jar is there by name, none by content.
MAVEN = r"""for a in "$@"; do case $a in -DoutputDirectory=*) out=${a#*=} ;; esac; done
[ -n "$out" ] || exit 0
mkdir -p "$out"
while read -r _ file; do
    [ "${out##*/}" = "${file%%/*}" ] && echo evil >"$out/${file##*/}"
done <tests/setup/opponents.sha256
exit 0"""
GO = 'case $1 in build) : >"$3" ;; esac'
JAVAC = "echo compiled >compiled; exit 0"


@pytest.fixture
def tree(tmp_path):
    shutil.copytree(ROOT / "tests/setup", tmp_path / "tests/setup")
    shutil.copytree(ROOT / "tests/bench/opponents", tmp_path / "tests/bench/opponents")
    return tmp_path


def test_other_jars_are_refused(tree):
    path = fake(tree / "bin", mvn=MAVEN, go=GO, javac=JAVAC)
    done = run(tree, "opponents.sh", PATH=path)
    assert done.returncode == EX_CONFIG, done.stderr
    assert "not the pinned ones" in done.stderr and "kafka-clients" in done.stderr
    assert not (tree / "compiled").exists()
    assert not (tree / "build/deps/opponents/stamp").exists()


@pytest.mark.parametrize("tool", ["mvn", "javac"])
def test_a_missing_tool_is_named(tree, tool):
    only = tree / "only"
    only.mkdir()
    for name in {"bash", "dirname", "cat", "cksum", "mkdir", "flock", "mvn", "javac"} - {tool}:
        os.symlink(shutil.which(name) or "/bin/true", only / name)
    done = run(tree, "opponents.sh", PATH=str(only))
    assert done.returncode == EX_UNAVAILABLE and tool in done.stderr, done.stderr
