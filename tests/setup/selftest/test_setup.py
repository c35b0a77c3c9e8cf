"""What the set-up must refuse, it refuses, and says what to do; nothing here needs the network."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.harness.paths import DEPS, ROOT

EX_UNAVAILABLE, EX_CONFIG = 69, 78


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The set-up scripts in a tree of their own."""
    shutil.copytree(ROOT / "tests/setup", tmp_path / "tests/setup")
    shutil.copy(ROOT / "tests/requirements.txt", tmp_path / "tests")
    (tmp_path / "build/deps").mkdir(parents=True)
    return tmp_path


def run(tree: Path, script: str, *arguments: str, **env: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [tree / "tests/setup" / script, *arguments],
        cwd=tree, env={**os.environ, **env}, capture_output=True, text=True,
    )  # fmt: skip


def fake(directory: Path, **programs: str) -> str:
    """A PATH on which the programs named come first."""
    directory.mkdir()
    for name, body in programs.items():
        (directory / name).write_text(f"#!/bin/sh\n{body}\n")
        (directory / name).chmod(0o755)
    return f"{directory}:{os.environ['PATH']}"


def test_librdkafka_from_another_tarball_is_refused(copy):
    tarball = copy / "build/deps/confluentinc-kafka-javascript-1.10.1.tgz"
    tarball.write_bytes(b"something else")
    done = run(copy, "librdkafka.sh")
    assert done.returncode == EX_CONFIG
    assert "refusing" in done.stderr and "Remedy:" in done.stderr
    assert not (copy / "build/deps/librdkafka").exists()
    assert not (copy / "build/deps/librdkafka-build").exists()


def test_axe_from_another_tarball_is_refused(copy):
    (copy / "build/deps/axe-core-4.14.1.tgz").write_bytes(b"something else")
    done = run(copy, "axe.sh")
    assert done.returncode == EX_CONFIG and "refusing" in done.stderr
    assert not (copy / "build/deps/axe").exists()


def test_npm_that_fails_is_reported(copy, tmp_path):
    path = fake(tmp_path / "bin", npm="exit 1")
    done = run(copy, "librdkafka.sh", PATH=path)
    assert done.returncode == EX_UNAVAILABLE
    assert "npm pack" in done.stderr and "Remedy:" in done.stderr


@pytest.mark.parametrize("version, accepted", [("0x020002ff", False), ("0x020f0100", True)])
def test_old_librdkafka_is_refused(copy, version, accepted):
    include = copy / "build/deps/librdkafka/include/librdkafka"
    include.mkdir(parents=True)
    (include / "rdkafka.h").write_text(f"#define RD_KAFKA_VERSION {version}\n")
    (copy / "build/deps/librdkafka/libs").write_text("-lz\n")
    done = run(copy, "configure.sh")
    if accepted:
        assert done.returncode == 0 and "PACKAGE_LIBS := -l" in done.stdout
    else:
        assert done.returncode == EX_CONFIG
        assert "older than 2.15.1" in done.stderr and "Remedy:" in done.stderr
        assert done.stdout == ""


def test_what_was_built_is_the_pinned_librdkafka():
    header = (DEPS / "librdkafka/include/librdkafka/rdkafka.h").read_text()
    assert "#define RD_KAFKA_VERSION 0x020f01" in header
    assert (DEPS / "librdkafka/stamp").read_text().startswith("2.15.1 sha512-KVePUBn2")


def test_plain_user_is_told_the_packages_and_the_command(copy, tmp_path):
    path = fake(tmp_path / "bin", **{"dpkg-query": "exit 1", "id": "echo 1000"})
    done = run(copy, "packages.sh", "build", PATH=path)
    assert done.returncode == EX_UNAVAILABLE
    assert "missing Debian packages: libcmocka-dev libcurl4-openssl-dev" in done.stderr
    assert "apt-get install -y --no-install-recommends libcmocka-dev" in done.stderr
    assert "build-essential" not in done.stderr  # gcc is there, by whatever means


def test_root_installs_only_what_is_missing(copy, tmp_path):
    path = fake(
        tmp_path / "bin",
        **{"dpkg-query": "echo zlib1g-dev installed", "id": "echo 0",
           "apt-get": f'echo "$@" >>{tmp_path}/apt.log'},
    )  # fmt: skip
    done = run(copy, "packages.sh", "build", PATH=path)
    assert done.returncode == 0
    update, install = (tmp_path / "apt.log").read_text().splitlines()
    assert "update" in update
    assert "libjansson-dev" in install and "zlib1g-dev" not in install


def test_nothing_missing_touches_no_package_manager(copy, tmp_path):
    path = fake(tmp_path / "bin", **{"apt-get": f"touch {tmp_path}/called", "mvn": "exit 1"})
    done = run(copy, "packages.sh", "build", "lint", "postgres", "python", "broker", PATH=path)
    assert (done.returncode, done.stderr) == (0, "")
    assert not (tmp_path / "called").exists()


def test_unknown_group_is_a_usage_error(copy):
    assert run(copy, "packages.sh", "nonsense").returncode == 64


def test_changed_jar_is_refused(copy, tmp_path):
    jars = DEPS / "kafka/libs"
    # Maven's part is played by a copy in which one jar was tampered with.
    body = f"""for a in "$@"; do case $a in -DoutputDirectory=*) out=${{a#*=}} ;; esac; done
mkdir -p "$out" && cp -s {jars}/*.jar "$out"/ && rm "$out"/slf4j-api-*.jar
echo evil >"$out/slf4j-api-1.7.36.jar" """
    done = run(copy, "kafka.sh", PATH=fake(tmp_path / "bin", mvn=body))
    assert done.returncode == EX_CONFIG
    assert "not the pinned ones" in done.stderr and "slf4j" in done.stderr
    assert not (copy / "build/deps/kafka/stamp").exists()


PRINTER = """
#include "common/base/embedded.h"
#include <stdio.h>
static void print(const struct embedded_file *files, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        printf("%s %zu\\n", files[i].name, files[i].length);
        fwrite(files[i].text, 1, files[i].length, stdout);
    }
}
int main(void)
{
    print(EMBEDDED_MIGRATIONS, EMBEDDED_MIGRATIONS_COUNT);
    print(EMBEDDED_GRAPHQL, EMBEDDED_GRAPHQL_COUNT);
    print(EMBEDDED_SCHEMAS, EMBEDDED_SCHEMAS_COUNT);
    return 0;
}
"""


def embedded(tree: Path) -> bytes:
    (tree / "common/base").mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / "common/base/embedded.h", tree / "common/base")
    (tree / "print.c").write_text(PRINTER)
    (tree / "embedded.c").write_text(run(tree, "embed.sh").stdout)
    command = ["gcc", "-std=c17", "-Wall", "-Wextra", "-Werror", "-I.", "embedded.c", "print.c"]
    subprocess.run([*command, "-o", "print"], cwd=tree, check=True)
    return subprocess.run([tree / "print"], check=True, capture_output=True).stdout


def test_embedded_files_keep_their_bytes_and_order(copy):
    sql = 'SELECT \'a\\b\', "q", E\'\\t\', $$ ??/ ??= %d $$;\r\n\n\t-- é 漢\n'
    files = {
        "postgres/0010_b.sql": sql, "postgres/0002_a.sql": "x;\n", "postgres/0003_empty.sql": "",
        "graphql/q.graphql": "query { a }\n", "b.json": json.dumps({"k": "v"}) + "\n",
        "topics/a.json": "{}\n", "postgres/notes.txt": "no\n",
    }  # fmt: skip
    for name, text in files.items():
        (copy / "schemas" / name).parent.mkdir(parents=True, exist_ok=True)
        (copy / "schemas" / name).write_bytes(text.encode())
    expected = b""
    for name in ("postgres/0002_a.sql", "postgres/0003_empty.sql", "postgres/0010_b.sql",
                 "graphql/q.graphql", "b.json", "topics/a.json"):  # fmt: skip
        data = files[name].encode()
        short = name.removeprefix("postgres/").removeprefix("graphql/")
        expected += f"{short} {len(data)}\n".encode() + data
    assert embedded(copy) == expected


def test_no_schemas_at_all_is_count_zero(copy):
    assert embedded(copy) == b""
