#!/usr/bin/env python3
"""The bill of materials of the image, SPDX 2.3: parstock, what is linked into it, and the Debian packages of its libraries.

usage: tests/setup/sbom.py FILE...      (FILE: the libraries; prints the document)

Names and versions are dpkg's and those of tests/setup/librdkafka.sh; the same inputs give the same bytes.
"""

import hashlib
import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_FIELDS = "${Package}\t${Version}\t${Architecture}\t${source:Package}\t${source:Version}\n"


@dataclass(frozen=True, order=True)
class Package:
    name: str
    version: str
    architecture: str
    source: str
    source_version: str

    @property
    def purl(self) -> str:
        version = self.version.replace("+", "%2B").replace(":", "%3A").replace("~", "~")
        return f"pkg:deb/debian/{self.name}@{version}?arch={self.architecture}"


def names_of(path: Path) -> list[str]:
    """dpkg knows a file of /usr by its old name as well as by its new one, but only by one of them."""
    plain = str(path)
    return [plain, plain.removeprefix("/usr") if plain.startswith("/usr/lib") else f"/usr{plain}"]


def owners_of(files: list[Path]) -> set[str]:
    """Names of packages; a file of no package ends it."""
    asked = [name for f in files for name in names_of(f)]
    done = subprocess.run(["dpkg", "-S", *asked], capture_output=True, text=True)
    owner = {}
    for line in done.stdout.splitlines():
        packages, _, name = line.partition(": ")
        owner[name] = packages.split(",")[0]
    found = set()
    for path in files:
        names = [owner[n] for n in names_of(path) if n in owner]
        if path.name == "ca-certificates.crt":  # made at install time, so nobody's file
            names = ["ca-certificates"]
        if not names:
            raise SystemExit(f"sbom: no Debian package owns {path}")
        found.add(names[0])
    return found


def debian_packages(files: list[Path]) -> list[Package]:
    names = sorted(owners_of(files))
    done = subprocess.run(["dpkg-query", "-W", "-f", _FIELDS, *names], capture_output=True, text=True, check=True)
    return sorted({Package(*line.split("\t")) for line in done.stdout.splitlines()})


def linked() -> list[tuple[str, str, str]]:
    """Name, version and where its source is from, of what is static in the binary."""
    script = (ROOT / "tests/setup/librdkafka.sh").read_text()
    found = dict(re.findall(r"^(VERSION|PACKAGE|PACKAGE_VERSION)=(\S+)$", script, re.MULTILINE))
    purl = f"pkg:npm/{found['PACKAGE'].replace('@', '%40')}@{found['PACKAGE_VERSION']}"
    return [("librdkafka", found["VERSION"], purl)]


def entry(identifier: str, name: str, version: str, licence: str, purl: str | None, comment: str = "") -> dict:
    result = {
        "SPDXID": f"SPDXRef-{identifier}", "name": name, "versionInfo": version, "downloadLocation": "NOASSERTION",
        "licenseConcluded": licence, "licenseDeclared": licence, "copyrightText": "NOASSERTION", "filesAnalyzed": False,
    }  # fmt: skip
    if purl:
        reference = {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": purl}
        result["externalRefs"] = [reference]
    if comment:
        result["comment"] = comment
    return result


def document(version: str, packages: list[Package]) -> str:
    entries = [entry("parstock", "parstock", version, "Apache-2.0", None)]
    relations = [("SPDXRef-DOCUMENT", "DESCRIBES", "SPDXRef-parstock")]
    for name, number, purl in linked():
        entries.append(entry(name, name, number, "BSD-2-Clause", purl, "its source lies in this package's deps/"))
        relations.append(("SPDXRef-parstock", "STATIC_LINK", f"SPDXRef-{name}"))
    for package in packages:
        identifier = "deb-" + re.sub(r"[^A-Za-z0-9.-]", "-", package.name)
        source = f"source {package.source} {package.source_version}; licence in /usr/share/doc/{package.name}/copyright"
        entries.append(entry(identifier, package.name, package.version, "NOASSERTION", package.purl, source))
        relations.append(("SPDXRef-parstock", "DYNAMIC_LINK", f"SPDXRef-{identifier}"))
    body = {
        "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT", "name": f"parstock-{version}",
        "creationInfo": {"created": "1970-01-01T00:00:00Z", "creators": ["Tool: parstock-sbom"]},
        "packages": entries,
        "relationships": [
            {"spdxElementId": a, "relationshipType": kind, "relatedSpdxElement": b} for a, kind, b in relations
        ],
    }  # fmt: skip
    name = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
    body["documentNamespace"] = f"urn:parstock:sbom:{name}"
    return json.dumps(body, indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    makefile = (ROOT / "Makefile").read_text()
    number = re.search(r"^VERSION\s*:= (\S+)$", makefile, re.MULTILINE)[1]
    print(document(number, debian_packages([Path(f).resolve() for f in sys.argv[1:]])), end="")
