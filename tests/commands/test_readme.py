"""The README tells what the program does: its table of rules is the program's own."""

from tests.harness.paths import ROOT
from tests.harness.worker import run_parstock

BEGIN, END = "<!-- rules:", "<!-- end of rules -->"


def rules_in(text: str) -> list[str]:
    block = text.split(BEGIN)[1].split(END)[0]
    return [line for line in block.splitlines() if line.startswith("|")]


def test_rules_are_those_of_the_program():
    printed = run_parstock("apply", "--explain").stdout.decode().splitlines()
    readme = (ROOT / "README.md").read_text()
    assert rules_in(readme) == printed
    assert rules_in(readme.replace("| 40 |", "| 41 |")) != printed


def test_files_that_it_names_exist():
    order = (ROOT / "README.md").read_text().split("## Read the code")[1].split("## Where")[0]
    named = [word.strip("`,:") for word in order.split() if word.startswith("`")]
    folder = ""
    for name in named:
        folder = name.rpartition("/")[0] or folder
        assert (ROOT / folder / name.rpartition("/")[2]).exists(), name
