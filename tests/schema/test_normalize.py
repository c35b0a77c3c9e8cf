"""`parstock normalize` against Python's own Unicode tables, over all of Unicode.

Python may know an older Unicode than parstock: code points that it calls unassigned are
left out.
"""

import json
import pathlib
import subprocess
import unicodedata

import pytest
import reference_judge as reference

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "build" / "parstock"
CONTRACT = ROOT / "schemas" / "examples" / "contract" / "valid" / "minimal.json"
STEPS = ("nfkc", "drop_ignorable", "dashes", "trim", "collapse_spaces", "fold_case")


def assigned():
    return [
        chr(point)
        for point in range(0x20, 0x110000)
        if unicodedata.category(chr(point)) not in ("Cc", "Cs", "Cn")
    ]


def normalize(lines, *flags):
    """One answer a line; exit code as it came."""
    assert PROGRAM.is_file(), f"{PROGRAM} is not built: run make test"
    run = subprocess.run(
        [PROGRAM, "normalize", *flags],
        input="".join(f"{line}\n" for line in lines).encode(),
        capture_output=True,
        timeout=300,
        check=False,
    )
    answers = run.stdout.decode().split("\n")
    assert answers.pop() == "" and len(answers) == len(lines), run.stderr.decode()
    return answers, run.returncode


def expected(line, steps):
    sku = reference.normalise(line, steps)
    return "! bad_sku" if sku is None else sku


def differences(lines, answers, steps):
    return [
        f"U+{ord(line[1]):04X}: {answer!r}"
        for line, answer in zip(lines, answers)
        if answer != expected(line, steps)
    ]


def contract_with(tmp_path, steps):
    contract = json.loads(CONTRACT.read_text(encoding="utf-8"))
    contract["sku"] = {"normalise": steps}
    path = tmp_path / "contract.json"
    path.write_text(json.dumps(contract), encoding="utf-8")
    return path


def test_every_code_point_by_default():
    lines = [f"a{character}b" for character in assigned()]
    answers, code = normalize(lines)
    assert code == 0 and len(lines) > 270_000
    assert differences(lines, answers, {}) == []


def test_every_code_point_alone():
    lines = [f"\u00ad{character}" for character in assigned()]
    answers, code = normalize(lines)
    assert code == 65, "spaces and ignorables leave nothing"
    assert differences(lines, answers, {}) == []


@pytest.mark.parametrize("only", STEPS)
def test_every_code_point_with_one_step(only, tmp_path):
    """fold_case alone is the proof that the upper case of folded text is the full one."""
    steps = {step: step == only for step in STEPS}
    lines = [f" {character} " for character in assigned()]
    answers, _ = normalize(lines, "--contract", contract_with(tmp_path, steps))
    assert differences(lines, answers, steps) == []


def test_a_difference_is_noticed():
    assert differences(["aßb"], ["ASSB"], {}) == []
    assert differences(["aßb"], ["AßB"], {}) == ["U+00DF: 'AßB'"]


@pytest.mark.parametrize(
    ("given", "answers", "code"),
    [
        (b"", b"", 0),
        (b"a\n", b"A\n", 0),
        (b"a", b"A\n", 0),
        (b"a\r\nb\r\n", b"A\nB\n", 0),
        (b"a\r", b"! bad_text\n", 65),
        (b"a\r\r\n", b"! bad_text\n", 65),
        (b"\n", b"! bad_text\n", 65),
        (b"\xff\nb\n", b"! not_utf8\nB\n", 65),
        (b"a\0\n", b"! bad_text\n", 65),
        (b" \n", b"! bad_sku\n", 65),
        (b"x" * 255 + b"\n", b"X" * 255 + b"\n", 0),
        (b"x" * 256 + b"\n", b"! bad_text\n", 65),
        (b"x" * 65536 + b"\nb\n", b"! bad_text\nB\n", 65),
        (b"x" * 65537 + b"\nb\n", b"! bad_text\nB\n", 65),
        (b"x" * 300_000 + b"\r\nb", b"! bad_text\nB\n", 65),
    ],
    ids=range(15),
)
def test_lines(given, answers, code):
    run = subprocess.run(
        [PROGRAM, "normalize"], input=given, capture_output=True, timeout=60, check=False
    )
    assert (run.stdout, run.returncode) == (answers, code)


def test_answers_come_before_the_next_question():
    command = [PROGRAM, "normalize"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        for raw, sku in ((b"a\n", b"A\n"), (b"b c\n", b"B C\n")):
            child.stdin.write(raw)
            child.stdin.flush()
            assert child.stdout.readline() == sku
        child.stdin.close()
        assert child.wait(timeout=60) == 0
