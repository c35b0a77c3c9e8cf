"""packet verify: a sound packet passes, whatever is altered in one is named, and names from outside stay names."""

import csv
import hashlib
import html
import html.parser
import json
import re
import shutil
from pathlib import Path

import pytest

from tests.harness.worker import parstock_env, run_parstock
from tests.scenarios import packet_data as data


@pytest.fixture(scope="module")
def packet(tmp_path_factory) -> Path:
    return data.good_packet(tmp_path_factory.mktemp("packet") / "good")


@pytest.fixture(scope="module")
def hostile(tmp_path_factory) -> Path:
    return data.good_packet(tmp_path_factory.mktemp("packet") / "hostile", hostile=True)


@pytest.fixture
def copy(packet: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(packet, tmp_path / "copy"))


def verify(folder: Path, code: int = 0) -> dict:
    answer = run_parstock("packet", "verify", str(folder), "-o", "json", env=parstock_env())
    assert answer.returncode == code, (answer.stdout + answer.stderr).decode()
    return json.loads(answer.stdout)


def files(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def remanifest(folder: Path) -> None:
    """The manifest made to fit the files, as a forger would."""
    path = folder / "manifest.json"
    text = path.read_text()
    for entry in json.loads(text)["files"]:
        content = (folder / entry["name"]).read_bytes()
        text = text.replace(entry["sha256"], hashlib.sha256(content).hexdigest())
        text = text.replace(f'"{entry["name"]}","bytes":{entry["bytes"]}', f'"{entry["name"]}","bytes":{len(content)}')
    path.write_text(text)


def test_a_sound_packet(packet):
    found = verify(packet)
    assert (found["ok"], found["week"], found["verdict"], found["rule"]) == (True, "2026-W48", "pass", "better")
    assert found["files"] == len(files(packet)) - 1
    table = run_parstock("packet", "verify", str(packet), env=parstock_env())
    assert table.returncode == 0 and b"sound" in table.stdout and found["inputs"].encode() in table.stdout


def test_the_same_data_give_the_same_bytes(packet, tmp_path):
    again = data.good_packet(tmp_path / "again")
    assert files(again) == files(packet)
    for name in files(packet):
        assert (again / name).read_bytes() == (packet / name).read_bytes(), name


def one_number_changed(content: bytes, last: bool) -> bytes | None:
    """The first or last number of it plus one, of as many digits."""
    numbers = [m for m in re.finditer(rb"(?<![0-9A-Za-z#])[0-9]+(?![0-9A-Za-z])", content)]
    if not numbers:
        return None
    found = numbers[-1 if last else 0]
    digit = b"1" if found[0][:1] != b"1" else b"2"
    return content[: found.start()] + digit + found[0][1:] + content[found.end() :]


@pytest.mark.parametrize("last", [False, True], ids=["first", "last"])
def test_one_number_anywhere_is_seen_and_named(copy, last):
    seen = 0
    for name in files(copy):
        path = copy / name
        content = path.read_bytes()
        changed = one_number_changed(content, last)
        if changed is None:
            continue
        path.write_bytes(changed)
        answer = run_parstock("packet", "verify", str(copy), "-o", "json", env=parstock_env())
        # A manifest that no longer is one is no packet at all.
        assert answer.returncode == 1 or (name == "manifest.json" and answer.returncode == 65), name
        if answer.returncode == 1 and name != "manifest.json":
            assert [f["file"] for f in json.loads(answer.stdout)["findings"]] == [name]
        path.write_bytes(content)
        seen += 1
    assert seen > 25
    verify(copy)


@pytest.mark.parametrize("name", ["packet.html", "tables/kpis.csv", "tables/incident-log.csv", "tables.json"])
def test_what_is_shown_is_held_against_the_data(copy, name):
    """Also where the manifest was made to fit."""
    path = copy / name
    path.write_bytes(one_number_changed(path.read_bytes(), last=True))
    remanifest(copy)
    (finding,) = verify(copy, 1)["findings"]
    assert finding["file"] == name and re.match(r"line \d+ is not what the data give", finding["what"])


def test_data_that_were_altered_and_sealed_anew(packet, tmp_path):
    """The verdict is derived again, and the decision names its inputs."""
    contract = (packet / "contract.json").read_bytes()
    week = json.loads((packet / "week.json").read_text())
    decided = json.loads((packet / "decision.json").read_text())
    rows = [json.loads(line) for line in (packet / "incidents.jsonl").read_text().splitlines()]
    first = week["period"]["places"][1]
    assert first["location"] == "BER"

    first["mismatched"][6] += 1
    forged = data.seal(data.write_data(tmp_path / "a", week, contract, decided, rows), tmp_path / "a.packet")
    (finding,) = verify(forged, 1)["findings"]
    assert finding["file"] == "decision.json" and "inputs" in finding["what"]

    # The decision made to fit the inputs, but not the verdict that follows from them.
    first["mismatched"] = [900] * 7
    decided["inputs"] = data.digest(data.canonical(week))
    forged = data.seal(data.write_data(tmp_path / "b", week, contract, decided, rows), tmp_path / "b.packet")
    (finding,) = verify(forged, 1)["findings"]
    assert finding == {"file": "decision.json", "what": "the verdict is pass, and should be fail"}

    # Another contract file than that of the decision.
    other = json.loads(contract)
    other["version"] = "another"
    forged = data.seal(data.write_data(tmp_path / "c", json.loads((packet / "week.json").read_text()),
                                       json.dumps(other).encode(),
                                       json.loads((packet / "decision.json").read_text()), rows), tmp_path / "c.packet")  # fmt: skip
    found = {f["file"]: f["what"] for f in verify(forged, 1)["findings"]}
    assert "contract" in found["decision.json"] and "contract" in found["week.json"]


def test_a_packet_of_another_version(copy):
    """It is not accused of words that have changed since; who passes over the drawing says so."""
    manifest = json.loads((copy / "manifest.json").read_text())
    text = (copy / "manifest.json").read_text()
    (copy / "manifest.json").write_text(text.replace(manifest["drawing"], "0" * 64))
    found = verify(copy, 1)
    assert [f["file"] for f in found["findings"]] == ["manifest.json"] and "--any-drawing" in found["findings"][0]["what"]
    answer = run_parstock("packet", "verify", str(copy), "--any-drawing", "-o", "json", env=parstock_env())
    assert answer.returncode == 0 and json.loads(answer.stdout)["redrawn"] is False
    (copy / "tables.json").write_text("{}")
    answer = run_parstock("packet", "verify", str(copy), "--any-drawing", env=parstock_env())
    assert answer.returncode == 1 and b"tables.json" in answer.stdout


def test_not_decided_yet(packet, tmp_path):
    week = json.loads((packet / "week.json").read_text())
    undecided = data.seal(data.write_data(tmp_path / "data", week, (packet / "contract.json").read_bytes()), tmp_path / "packet")
    found = verify(undecided)
    assert found["verdict"] is None and found["rule"] is None
    page = (undecided / "packet.html").read_text()
    assert "Not decided yet" in page and "week decide" in page
    assert not (undecided / "decision.json").exists()
    # A decision that is put in is not in the manifest; one that is taken out is missing.
    shutil.copy(packet / "decision.json", undecided)
    assert "decision.json" in [f["file"] for f in verify(undecided, 1)["findings"]]


def test_folders_that_somebody_meddled_with(copy, tmp_path):
    (copy / "tables" / "more.csv").write_text("1\n")
    (copy / "notes.txt").write_text("x")
    found = {f["file"]: f["what"] for f in verify(copy, 1)["findings"]}
    assert set(found) == {"tables/more.csv", "notes.txt"}
    (copy / "tables" / "more.csv").unlink()
    (copy / "notes.txt").unlink()
    secret = tmp_path / "secret"
    (copy / "tables.json").rename(secret)
    (copy / "tables.json").symlink_to(secret)
    (finding,) = verify(copy, 1)["findings"]
    assert finding["file"] == "tables.json"
    (copy / "tables.json").unlink()
    (finding,) = verify(copy, 1)["findings"]
    assert finding == {"file": "tables.json", "what": "is missing"}


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "a/b/c", "..", "A.csv", ".hidden"])
def test_names_that_lead_out_are_not_followed(copy, name):
    manifest = (copy / "manifest.json").read_text()
    (copy / "manifest.json").write_text(manifest.replace('"contract.json"', json.dumps(name), 1))
    answer = run_parstock("packet", "verify", str(copy), "-o", "json", env=parstock_env())
    assert answer.returncode in (1, 65)


def test_what_is_no_packet(tmp_path):
    for make in (lambda p: None, lambda p: p.write_text(""), lambda p: p.write_text("[]"), lambda p: p.mkdir(),
                 lambda p: p.write_text('{"format":1}'), lambda p: p.write_bytes(b"\xff\xfe")):  # fmt: skip
        folder = tmp_path / f"{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        make(folder / "manifest.json")
        answer = run_parstock("packet", "verify", str(folder), env=parstock_env())
        assert answer.returncode == 65 and b"no packet" in answer.stderr
    assert run_parstock("packet", "verify", str(tmp_path / "nowhere"), env=parstock_env()).returncode == 65


def test_wrong_use():
    for words in (["verify"], ["verify", "a", "b"], ["2026-W48", "2026-W49"], ["verify", "a", "-o", "yaml"]):
        assert run_parstock("packet", *words, env=parstock_env()).returncode == 64, words


# ---- names from outside ---------------------------------------------------------------------------


class Elements(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.links: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value for name, value in attrs if name in ("href", "src")]


def test_names_inject_nothing_into_the_page(hostile):
    text = (hostile / "packet.html").read_text(encoding="utf-8")
    page = Elements()
    page.feed(text)
    assert not page.tags & {"script", "img", "iframe", "object", "embed", "link", "base", "form", "input"}
    assert not {a for a in page.attributes if a.startswith("on") or a in ("style", "src", "srcset")}
    assert all(link.startswith("#") for link in page.links)
    assert "[U+202E]" in text and "[U+200B]" in text and "\u202e" not in text and "\u200b" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    policy = html.unescape(text[: text.index("<title>")])
    assert text.count("<style>") == 1 and "'sha256-" in policy and "default-src 'none'" in policy


def test_no_cell_is_a_formula(hostile):
    cells = 0
    for path in sorted((hostile / "tables").glob("*.csv")):
        with open(path, encoding="utf-8", newline="") as stream:
            for row in csv.reader(stream):
                for cell in row:
                    is_number = re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", cell)
                    assert is_number or not re.match(r"[ \"]*[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]", cell), (path.name, cell)
                    cells += 1
    assert cells > 5000


def test_the_exact_names_are_in_the_json(hostile):
    rows = [json.loads(line) for line in (hostile / "incidents.jsonl").read_text(encoding="utf-8").splitlines()]
    assert set(data.HOSTILE) <= {row["sku"] for row in rows}
    tables = json.loads((hostile / "tables.json").read_text(encoding="utf-8"))["tables"]
    (log,) = [t for t in tables if t["id"] == "incident-log"]
    sku = [c["id"] for c in log["columns"]].index("sku")
    assert set(data.HOSTILE) <= {row[sku] for row in log["rows"]}
    with open(hostile / "tables/incident-log.csv", encoding="utf-8", newline="") as stream:
        assert sum(1 for _ in csv.reader(stream)) == len(log["rows"]) + 1 == len(rows) + 1


def test_a_hostile_packet_does_not_steer_the_terminal(copy):
    path = copy / "packet.html"
    content = path.read_bytes()
    at = content.index(b"outlet")
    path.write_bytes(content[:at] + b"\x1b[2Jevil" + content[at + 6 :])
    answer = run_parstock("packet", "verify", str(copy), env=parstock_env())
    assert answer.returncode == 1 and b"\x1b" not in answer.stdout + answer.stderr
