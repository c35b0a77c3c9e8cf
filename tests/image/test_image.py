"""The image that `make image` makes, taken apart."""

import gzip
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.harness.paths import ROOT, parstock

IMAGE = ROOT / "tests/setup/image.py"
SHELLS = {"sh", "bash", "dash", "busybox", "apt", "dpkg", "perl", "python3", "env", "cat"}


def build(*arguments: str) -> None:
    subprocess.run([sys.executable, IMAGE, "--program", parstock(), *arguments], check=True, stdout=subprocess.DEVNULL)


@pytest.fixture(scope="module")
def archive(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("image") / "image.tar"
    build("--output", str(path), "--name", "lab.local/parstock:1")
    return path


@pytest.fixture(scope="module")
def layout(archive) -> Path:
    target = archive.parent / "layout"
    with tarfile.open(archive) as tar:
        tar.extractall(target, filter="data")
    return target


def blob(layout: Path, descriptor: dict) -> bytes:
    content = (layout / "blobs" / descriptor["digest"].replace(":", "/")).read_bytes()
    assert len(content) == descriptor["size"]
    return content


@pytest.fixture(scope="module")
def manifest(layout) -> dict:
    (entry,) = json.loads((layout / "index.json").read_text())["manifests"]
    assert entry["annotations"]["io.containerd.image.name"] == "lab.local/parstock:1"
    return json.loads(blob(layout, entry))


@pytest.fixture(scope="module")
def layer(layout, manifest) -> Path:
    (descriptor,) = manifest["layers"]
    return layout / "blobs" / descriptor["digest"].replace(":", "/")


@pytest.fixture(scope="module")
def root(layer) -> Path:
    target = layer.parents[2] / "root"
    with tarfile.open(layer) as tar:
        tar.extractall(target, filter="tar")
    return target


def test_the_same_inputs_give_the_same_bytes(archive, tmp_path):
    again = tmp_path / "again.tar"
    build("--output", str(again), "--name", "lab.local/parstock:1")
    assert again.read_bytes() == archive.read_bytes()


def test_every_blob_is_named_by_its_digest(layout):
    blobs = sorted((layout / "blobs/sha256").iterdir())
    assert len(blobs) == 3
    for path in blobs:
        assert hashlib.sha256(path.read_bytes()).hexdigest() == path.name


def test_docker_finds_the_same(layout, manifest):
    (docker,) = json.loads((layout / "manifest.json").read_text())
    assert docker["Config"].endswith(manifest["config"]["digest"].removeprefix("sha256:"))
    assert [x.rsplit("/", 1)[1] for x in docker["Layers"]] == [d["digest"].removeprefix("sha256:") for d in manifest["layers"]]


def test_configuration(layout, manifest):
    body = json.loads(blob(layout, manifest["config"]))
    assert body["config"]["User"] == "65532:65532"
    assert body["config"]["Entrypoint"] == ["/usr/bin/parstock"]
    assert body["created"].startswith("1970")
    plain = gzip.decompress(blob(layout, manifest["layers"][0]))
    assert body["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(plain).hexdigest()}"]


def test_nothing_but_what_is_needed(layer):
    with tarfile.open(layer) as tar:
        members = tar.getmembers()
    assert members == sorted(members, key=lambda m: tuple(m.name.split("/")))
    programs = {Path(m.name).name for m in members if m.isfile() and "/bin/" in f"/{m.name}"}
    assert programs == {"parstock"}
    assert not {Path(m.name).name for m in members} & SHELLS
    for member in members:
        assert (member.uid, member.gid, member.mtime) == (0, 0, 0), member.name
        assert not member.mode & 0o6000, member.name
        assert not member.isfile() or not member.mode & 0o022, member.name


def run_inside(root: Path, *arguments: str) -> subprocess.CompletedProcess:
    """With the image's files and no others, as its user."""
    if os.geteuid() == 0:
        command = ["chroot", "--userspec=65532:65532", root, "/usr/bin/parstock", *arguments]
    else:
        command = ["unshare", "--user", "--map-root-user", "chroot", root, "/usr/bin/parstock", *arguments]
    return subprocess.run([str(c) for c in command], capture_output=True, text=True, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})


def test_the_program_runs_with_these_files_alone(root):
    for directory in [root, *root.rglob("*")]:  # a test's directory is closed to other users
        if directory.is_dir() and not directory.is_symlink():
            directory.chmod(0o755)
    for parent in root.parents[:5]:
        if parent.stat().st_uid == os.geteuid() and str(parent) not in ("/", "/tmp"):
            parent.chmod(parent.stat().st_mode | 0o011)
    answer = run_inside(root, "--help")
    assert (answer.returncode, answer.stderr) == (0, "")
    assert "usage: parstock COMMAND" in answer.stdout
    refused = run_inside(root, "levels", "--postgres", "host=127.0.0.1 port=1")
    assert refused.returncode == 69, refused.stdout + refused.stderr


def test_a_library_that_is_missing_is_seen(root, tmp_path):
    broken = tmp_path / "root"
    shutil.copytree(root, broken, symlinks=True)
    (path,) = broken.rglob("libjansson.so.4")
    path.unlink()
    for parent in broken.parents[:5]:
        if parent.stat().st_uid == os.geteuid() and str(parent) not in ("/", "/tmp"):
            parent.chmod(parent.stat().st_mode | 0o011)
    answer = run_inside(broken, "--help")
    assert answer.returncode != 0 and "libjansson" in answer.stderr


def test_the_program_is_stripped_and_hardened(root):
    program = root / "usr/bin/parstock"
    sections = subprocess.run(["readelf", "-S", "-d", "-h", program], capture_output=True, text=True, check=True).stdout
    assert ".debug_info" not in sections and ".symtab" not in sections
    assert "DYN (Position-Independent Executable" in sections
    assert "BIND_NOW" in sections or "NOW" in sections
    assert "librdkafka" not in sections  # static


def test_the_bill_of_materials(root):
    bill = json.loads((root / "usr/share/parstock/sbom.spdx.json").read_text())
    names = {p["name"]: p for p in bill["packages"]}
    assert bill["spdxVersion"] == "SPDX-2.3"
    assert names["librdkafka"]["versionInfo"] == "2.15.1"
    ids = {p["SPDXID"] for p in bill["packages"]} | {"SPDXRef-DOCUMENT"}
    for relation in bill["relationships"]:
        assert {relation["spdxElementId"], relation["relatedSpdxElement"]} <= ids
    libraries = [p for p in root.rglob("*.so*") if p.is_file()]
    assert len(libraries) > 10
    for name in ("libcurl4", "libpq5", "libssl3", "libjansson4", "libc6", "ca-certificates"):
        assert re.search(r"\d", names[name]["versionInfo"])
        assert names[name]["externalRefs"][0]["referenceLocator"].startswith(f"pkg:deb/debian/{name}@")
        assert (root / "usr/share/doc" / name / "copyright").exists()


def test_an_image_without_a_program_is_refused(tmp_path):
    command = [sys.executable, IMAGE, "--program", tmp_path / "none", "--output", tmp_path / "a.tar"]
    answer = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    assert answer.returncode == 69 and "run make" in answer.stderr


def test_the_dockerfile_makes_the_same_root():
    """It runs the same script for the same files, and says of the image what the script says."""
    text = (ROOT / "Dockerfile").read_text()
    assert "tests/setup/image.py --root /image" in text
    assert re.search(r"^FROM scratch$", text, re.MULTILINE)
    assert "USER 65532:65532" in text and 'ENTRYPOINT ["/usr/bin/parstock"]' in text
    assert re.search(r"^ARG DEBIAN=debian:12\.\d+-slim$", text, re.MULTILINE)  # a full tag, never "latest"
    needed = {line.split()[1] for line in text.splitlines() if line.startswith("COPY ") and "--from" not in line}
    ignored = (ROOT / ".dockerignore").read_text().split()
    for name in needed | {"LICENSE"}:
        assert f"!{name}" in ignored, name
