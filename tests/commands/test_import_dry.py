"""`import --dry-run`: what is read, what is refused, and what it says; no broker, no database."""

import json
import os
import pty
import re
import subprocess
import textwrap
from pathlib import Path

import pytest

from tests.harness.paths import ROOT, parstock
from tests.harness.worker import parstock_env, run_parstock

CORPORA = Path(os.environ.get("PARSTOCK_CORPORA", ROOT.parent / "shared/corpora"))
HEADER = "type,source,id,sku,location,quantity,occurred_at\n"
USAGE, DATA, CONFIGURATION = 64, 65, 78


def row(sku: str, quantity="1", number=0) -> str:
    return f"stock.counted,wms,e{number},{sku},BER,{quantity},2026-01-01T00:00:00Z\n"


@pytest.fixture
def dry(contract, tmp_path):
    """Runs a dry import of the bytes; gives exit code and the JSON report."""

    def run(content: bytes | str, *flags: str, name="feed.csv", mapping=None):
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        if mapping is not None:
            (tmp_path / "mapping.json").write_text(json.dumps(mapping))
            flags += ("--mapping", str(tmp_path / "mapping.json"))
        answer = run_parstock(
            "import", "--dry-run", "-o", "json", *flags, str(path),
            env=parstock_env(contract=contract),
        )  # fmt: skip
        assert answer.stdout, answer.stderr
        report = json.loads(answer.stdout)
        assert sorted(report) == ["errors", "invalid", "published", "rows", "valid"]
        assert report["rows"] == report["valid"] + report["invalid"]
        assert report["published"] == 0
        for error in report["errors"]:
            assert sorted(error) == ["detail", "file", "line", "reason"]
            assert error["file"] == str(path)
        return answer.returncode, report

    return run


def faults(report) -> list[tuple[int, str]]:
    return [(e["line"], e["reason"]) for e in report["errors"]]


def test_good_rows(dry, tmp_path):
    code, report = dry(HEADER + row("A") + row("B"))
    assert (code, report["rows"], report["valid"]) == (0, 2, 2)
    assert [p.name for p in tmp_path.iterdir()] == ["feed.csv"]


def test_bad_rows_are_named_by_the_line_where_they_start(dry):
    code, report = dry(
        HEADER + row("A") + row('"B\nb"') + row("C", "12.0") + "\n" + row("1.23E+12") + row("D")
    )
    assert code == DATA
    assert faults(report) == [(3, "bad_text"), (5, "wrong_type"), (7, "mangled_sku")]
    assert report["valid"] == 2


def test_an_open_quote_costs_its_row_alone(dry):
    code, report = dry(HEADER + row("A") + row('"B') + row("C") + row('"D"') + row("E"))
    assert (code, report["valid"], faults(report)) == (DATA, 4, [(3, "not_csv")])


def test_an_open_quote_at_the_end(dry):
    code, report = dry(HEADER + row("A") + row('"B'))
    assert (code, report["valid"], faults(report)) == (DATA, 1, [(3, "not_csv")])


def test_ragged_rows(dry):
    code, report = dry(HEADER + "a,b\n" + row("A") + row("B").strip() + ",more\n")
    assert (code, report["valid"]) == (DATA, 1)
    assert faults(report) == [(2, "column_count"), (4, "column_count")]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_line_ends_and_marks(dry, end, mark):
    text = (HEADER + row("A") + row("B", "x")).replace("\n", end).encode()
    code, report = dry(mark + text)
    assert (code, report["valid"], faults(report)) == (DATA, 1, [(3, "wrong_type")])


def test_utf_16_by_its_mark(dry):
    code, report = dry((HEADER + row("Ä")).encode("utf-16"))
    assert (code, report["valid"]) == (0, 1)


def test_bytes_that_are_no_text_cost_their_row_alone(dry):
    code, report = dry(HEADER.encode() + row("A").encode() + b"\xff\xfe,\n" + row("B").encode())
    assert (code, report["valid"], faults(report)) == (DATA, 2, [(3, "column_count")])


def test_json_lines(dry):
    good = {"type": "stock.counted", "source": "wms", "sku": "A", "location": "BER",
            "quantity": 1, "occurred_at": "2026-01-01T00:00:00Z"}  # fmt: skip
    lines = [json.dumps(good), "", "{", json.dumps(good | {"quantity": "1"}), json.dumps(good)]
    code, report = dry("\n".join(lines), name="feed.jsonl")
    assert (code, report["valid"]) == (DATA, 2)
    assert faults(report) == [(3, "not_json"), (4, "wrong_type")]


@pytest.mark.parametrize("content, reason", [
    ("", "no_header"), ("\n\n", "no_header"), ("sku,sku\n", "repeated_column"), ('"sku', "not_csv"),
])  # fmt: skip
def test_files_that_are_refused_whole(dry, content, reason):
    code, report = dry(content)
    assert (code, report["rows"], [r for _, r in faults(report)]) == (DATA, 0, [reason])


def test_a_mapping(dry):
    mapping = {
        "version": 1, "delimiter": ";", "encoding": "windows-1252",
        "fields": {
            "type": {"constant": "stock.counted"}, "source": {"constant": "wms"},
            "sku": {"column": "Artikel"}, "location": {"constant": "BER"},
            "quantity": {"column": "Bestand", "number": {"thousands": "."}},
            "occurred_at": {"from": "file_time"},
        },
    }  # fmt: skip
    content = "Artikel;Bestand\nÄ;1.200\nB;1,2\n".encode("windows-1252")
    code, report = dry(content, mapping=mapping)
    assert (code, report["valid"], faults(report)) == (DATA, 1, [(3, "bad_number")])


def test_the_list_of_errors_is_bounded_and_the_counts_are_not(dry):
    code, report = dry(HEADER + "x\n" * 10100)
    assert (code, report["invalid"], len(report["errors"])) == (DATA, 10100, 10000)


def test_rejects_where_asked(dry, tmp_path):
    path = tmp_path / "refused"
    dry(HEADER + row("A") + row("=B", "x"), "--rejects", str(path))
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(e["line"], e["row"], e["reason"]) for e in lines] == [(3, 2, "wrong_type")]
    assert lines[0]["record"] == row("=B", "x").strip()
    assert path.stat().st_mode & 0o077 == 0


def test_the_page_of_feeds_has_examples_that_work(contract, tmp_path):
    blocks = re.findall(r"(?:^    .*\n|^\n)+", (ROOT / "docs/feeds.md").read_text(), re.MULTILINE)
    texts = [textwrap.dedent(b).strip() + "\n" for b in blocks if b.strip()]
    plain, german, mapping = texts[1:4]
    (tmp_path / "plain.csv").write_text(plain)
    (tmp_path / "german.csv").write_text(german)
    (tmp_path / "mapping.json").write_text(mapping)
    env = parstock_env(contract=contract)
    for name, rows, *flags in (("plain.csv", 2),
                               ("german.csv", 1, "--mapping", str(tmp_path / "mapping.json"))):  # fmt: skip
        answer = run_parstock(
            "import", "--dry-run", "-o", "json", *flags, str(tmp_path / name), env=env
        )
        assert answer.returncode == 0, answer.stdout + answer.stderr
        assert json.loads(answer.stdout)["valid"] == rows


def test_a_bar_on_a_terminal_and_none_elsewhere(contract, tmp_path):
    path = tmp_path / "feed.csv"
    path.write_text(HEADER + "".join(row(f"S{n}") for n in range(1_500_000)))
    argv = [parstock(), "import", "--dry-run", path]
    env = parstock_env(contract=contract)
    ours, theirs = pty.openpty()
    child = subprocess.Popen(argv, env=env, stdout=subprocess.DEVNULL, stderr=theirs)
    os.close(theirs)
    shown = b""
    while True:
        try:
            piece = os.read(ours, 4096)
        except OSError:  # the other end is closed
            break
        if not piece:
            break
        shown += piece
    os.close(ours)
    assert child.wait() == 0
    assert re.search(rb"judging \[#+\.*\] \d+% \d+ rows, \d+/s, \d+:\d\d:\d\d left", shown)
    assert shown.endswith(b"\r\x1b[K")
    assert subprocess.run(argv, env=env, capture_output=True).stderr == b""


def test_corpora_are_read_as_csv(contract):
    """Not our columns, so each row is refused; but as a row, by its own line."""
    csvs = sorted((CORPORA / "csv-spectrum/csvs").glob("*.csv"))
    if not csvs:
        pytest.skip(f"{CORPORA}/csv-spectrum is absent")
    for path in csvs:
        answer = run_parstock(
            "import", "--dry-run", "-o", "json", str(path), env=parstock_env(contract=contract)
        )
        report = json.loads(answer.stdout)
        wanted = json.loads((path.parent.parent / "json" / f"{path.stem}.json").read_text())
        rows = len(wanted) if isinstance(wanted, list) else 1
        assert (report["rows"], report["invalid"]) == (rows, rows)
        assert {e["reason"] for e in report["errors"]} == {"missing_field"}


def test_other_forms_of_the_answer(contract, tmp_path):
    path = tmp_path / "feed.csv"
    path.write_text(HEADER + row("A") + row("B", "x"))
    env = parstock_env(contract=contract)
    table = run_parstock("import", "--dry-run", str(path), env=env)
    assert table.returncode == DATA
    assert f"{path}:3: wrong_type: quantity" in table.stdout.decode()
    assert "2 rows: 1 good, 1 refused; 0 published" in table.stdout.decode()
    lines = run_parstock("import", "--dry-run", "-o", "jsonl", str(path), env=env).stdout
    assert [sorted(json.loads(line)) for line in lines.splitlines()] == [
        ["detail", "file", "line", "reason"],
        ["invalid", "published", "rows", "valid"],
    ]


@pytest.mark.parametrize("arguments, code, text", [
    ([], USAGE, b"name the files"),
    (["nowhere.csv"], DATA, b"cannot read nowhere.csv"),
    ([str(ROOT)], DATA, b"is no regular file"),
    (["--mapping", "nowhere.json", __file__], CONFIGURATION, b"nowhere.json"),
])  # fmt: skip
def test_wrong_use(contract, arguments, code, text):
    answer = run_parstock("import", "--dry-run", *arguments, env=parstock_env(contract=contract))
    assert (answer.returncode, answer.stdout) == (code, b"")
    assert text in answer.stderr


def test_publishing_needs_a_broker(contract, tmp_path):
    path = tmp_path / "feed.csv"
    path.write_text(HEADER)
    answer = run_parstock("import", str(path), env=parstock_env(contract=contract))
    assert answer.returncode == CONFIGURATION
    assert b"PARSTOCK_KAFKA_BROKERS" in answer.stderr
