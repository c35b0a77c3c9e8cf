#!/usr/bin/env python3
"""Builds the container image without a container engine: the program, the libraries that it loads, and nothing else.

usage: tests/setup/image.py [--program FILE] [--name NAME:TAG] [--root DIR] [--output FILE]

--root DIR        writes the image's root file system there (the Dockerfile copies it)
--output FILE     writes an archive that is an OCI layout and can be loaded by Docker too
--name NAME:TAG   what the archive calls the image; default parstock:<version>

The same inputs give the same bytes: times and owners are fixed, names are sorted. There is no shell, no package
manager and no setuid file in it; it runs as uid 65532 with a read-only root.
"""

import argparse
import gzip
import hashlib
import io
import json
import os
import re
import stat
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import sbom  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
USER = 65532
CA_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")
TEXTS = {
    "etc/passwd": f"root:x:0:0::/:/nonexistent\nparstock:x:{USER}:{USER}::/:/nonexistent\n",
    "etc/group": f"root:x:0:\nparstock:x:{USER}:\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
}
# As in Debian: one directory each, the old names are links.
LINKS = {"bin": "usr/bin", "lib": "usr/lib", "lib64": "usr/lib64"}
EMPTY = ("etc/parstock", "run/secrets/parstock", "tmp", "proc", "sys", "dev")
CONFIG = {
    "Entrypoint": ["/usr/bin/parstock"],
    "Cmd": ["help"],
    "Env": ["PATH=/usr/bin", f"SSL_CERT_FILE={CA_BUNDLE}"],
    "User": f"{USER}:{USER}",
    "WorkingDir": "/",
}


def fail(*lines: str) -> None:
    print("image: " + "\n".join(lines), file=sys.stderr)
    sys.exit(69)


def version() -> str:
    return re.search(r"^VERSION\s*:= (\S+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)[1]


# ---- the root file system


def libraries(program: Path) -> dict[Path, Path]:
    """Where the loader looks for each library, and the file that lies there."""
    done = subprocess.run(["ldd", program], capture_output=True, text=True)
    if done.returncode != 0 or "not found" in done.stdout:
        fail(f"ldd {program} failed or lacks a library:", done.stdout + done.stderr)
    paths = re.findall(r"^\s+(?:\S+ => )?(/\S+) \(0x", done.stdout, re.MULTILINE)
    return {Path(p): Path(p).resolve() for p in sorted(paths)}


def under_usr(path: Path) -> Path:
    """/lib/x/y is /usr/lib/x/y."""
    inner = path.relative_to("/")
    return Path("usr") / inner if inner.parts[0] in ("bin", "lib", "lib64") else inner


def put(root: Path, inner: Path | str, content: bytes, mode: int = 0o644) -> None:
    target = root / inner
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
    target.chmod(mode)


def stripped(program: Path) -> bytes:
    with tempfile.TemporaryDirectory() as directory:
        target = Path(directory) / "parstock"
        subprocess.run(["strip", "--strip-all", "-o", target, program], check=True)
        return target.read_bytes()


def build_root(root: Path, program: Path) -> None:
    """Fills an empty directory."""
    if not CA_BUNDLE.exists():
        fail(f"{CA_BUNDLE} is missing: shops are reached by https.", "Run as root: apt-get install -y ca-certificates")
    found = libraries(program)
    put(root, "usr/bin/parstock", stripped(program), 0o755)
    for path, real in found.items():
        put(root, under_usr(path), real.read_bytes(), 0o755)
    put(root, CA_BUNDLE.relative_to("/"), CA_BUNDLE.read_bytes())
    for inner, text in TEXTS.items():
        put(root, inner, text.encode())
    for inner in EMPTY:
        (root / inner).mkdir(parents=True, exist_ok=True)
    for link, target in LINKS.items():
        (root / link).symlink_to(target)
    packages = sbom.debian_packages([*found.values(), CA_BUNDLE])
    for package in packages:
        copyright_file = Path("/usr/share/doc") / package.name / "copyright"
        if copyright_file.exists():
            put(root, copyright_file.relative_to("/"), copyright_file.read_bytes())
    put(root, "usr/share/doc/parstock/LICENSE", (ROOT / "LICENSE").read_bytes())
    put(root, "usr/share/parstock/sbom.spdx.json", sbom.document(version(), packages).encode())


# ---- the archive


def entries(root: Path) -> list[Path]:
    found = []
    for directory, names, files in os.walk(root):
        found += [Path(directory, n) for n in [*names, *files]]
    return sorted(found)


def add_file(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(content), 0o644
    archive.addfile(info, io.BytesIO(content))


def layer_of(root: Path) -> bytes:
    """The root as a tar: owner root, the time 0, modes as they are."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path in entries(root):
            info = tarfile.TarInfo(str(path.relative_to(root)))
            info.mode = stat.S_IMODE(path.lstat().st_mode) if not path.is_symlink() else 0o777
            if path.is_symlink():
                info.type, info.linkname = tarfile.SYMTYPE, os.readlink(path)
                archive.addfile(info)
            elif path.is_dir():
                info.type = tarfile.DIRTYPE
                info.mode = 0o1777 if info.name == "tmp" else 0o755
                archive.addfile(info)
            else:
                info.size = path.stat().st_size
                archive.addfile(info, io.BytesIO(path.read_bytes()))
    return out.getvalue()


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def as_json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def descriptor(media_type: str, content: bytes, **more: object) -> dict:
    return {"mediaType": f"application/vnd.oci.image.{media_type}", "digest": f"sha256:{digest(content)}", "size": len(content), **more}


def archive_of(root: Path, name: str) -> bytes:
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)
    tar = layer_of(root)
    layer = gzip.compress(tar, 9, mtime=0)
    labels = {
        "org.opencontainers.image.title": "parstock",
        "org.opencontainers.image.version": version(),
        "org.opencontainers.image.licenses": "Apache-2.0",
    }
    config = as_json(
        {
            "architecture": machine, "os": "linux", "created": "1970-01-01T00:00:00Z",
            "config": {**CONFIG, "Labels": labels},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest(tar)}"]},
            "history": [{"created": "1970-01-01T00:00:00Z", "created_by": "tests/setup/image.py"}],
        }
    )  # fmt: skip
    manifest = as_json(
        {
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": descriptor("config.v1+json", config), "layers": [descriptor("layer.v1.tar+gzip", layer)],
            "annotations": labels,
        }
    )  # fmt: skip
    names = {"io.containerd.image.name": name, "org.opencontainers.image.ref.name": name.rsplit(":", 1)[1]}
    index = as_json({"schemaVersion": 2, "manifests": [descriptor("manifest.v1+json", manifest, annotations=names)]})
    docker = [{"Config": f"blobs/sha256/{digest(config)}", "RepoTags": [name], "Layers": [f"blobs/sha256/{digest(layer)}"]}]
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        add_file(archive, "oci-layout", as_json({"imageLayoutVersion": "1.0.0"}))
        add_file(archive, "index.json", index)
        add_file(archive, "manifest.json", as_json(docker))
        for blob in sorted((config, layer, manifest), key=digest):
            add_file(archive, f"blobs/sha256/{digest(blob)}", blob)
    return out.getvalue()


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=Path, default=ROOT / "build/parstock")
    parser.add_argument("--name", default=f"parstock:{version()}")
    parser.add_argument("--root", type=Path)
    parser.add_argument("--output", type=Path)
    given = parser.parse_args(arguments)
    if not given.program.exists():
        fail(f"{given.program} is missing: run make")
    if ":" not in given.name:
        parser.error("--name is NAME:TAG")
    with tempfile.TemporaryDirectory() as directory:
        root = given.root or Path(directory) / "root"
        if root.exists() and any(root.iterdir()):
            fail(f"{root} is not empty")
        root.mkdir(parents=True, exist_ok=True)
        build_root(root, given.program)
        if given.output:
            content = archive_of(root, given.name)
            given.output.write_bytes(content)
            print(f"{given.output}: {given.name}, {len(content) / 2**20:.1f} MiB, sha256 {digest(content)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
