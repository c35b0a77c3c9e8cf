"""docs check: the project's own pages hang together, and each kind of fault that it must find is found."""

import json
import re
import shutil
from pathlib import Path

import pytest

from tests.harness.paths import ROOT
from tests.harness.worker import parstock_env, run_parstock

EXAMPLES = ROOT / "schemas/examples/contract/valid"
CAUSES = """missed_event lost_write rejected_write queue_delay throttled external_writer order_not_in_source source_conflict
stale_source identity not_stocked untracked policy_changed double_apply oversold unknown""".split()


def check(folder: Path, contract: Path | None = None) -> tuple[int, dict]:
    done = run_parstock("docs", "check", str(folder), "-o", "json", env=parstock_env(contract=contract))
    assert done.stderr == b"", done.stderr.decode()
    return done.returncode, json.loads(done.stdout)


def test_our_pages_hang_together() -> None:
    code, found = check(ROOT)
    assert (code, found["problems"]) == (0, [])
    assert found["subjects"] > 60 and found["pages"] > 50 and found["links"] > 200
    # The page of a cause is where the outside interface says, whoever changes the table.
    assert all((ROOT / f"docs/runbooks/{cause}.md").is_file() for cause in CAUSES)


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.json")), ids=lambda p: p.name)
def test_rules_of_the_examples_have_their_pages(path: Path) -> None:
    assert check(ROOT, path)[0] == 0


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    shutil.copytree(ROOT / "helm/parstock/files/alerts", tmp_path / "helm/parstock/files/alerts")
    return tmp_path


def edit(folder: Path, page: str, old: str, new: str) -> None:
    path = folder / "docs" / page
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def found(folder: Path, contract: Path | None = None) -> set[tuple[str, str]]:
    code, report = check(folder, contract)
    assert code == (1 if report["problems"] else 0)
    return {(problem["rule"], problem["about"]) for problem in report["problems"]}


def without_links_to_code(folder: Path) -> None:
    """The copy has no common/, schemas/ and so on beside it: what leads there is not asked."""
    assert not found(folder), found(folder)


def test_a_dead_link_and_a_dead_anchor(copy: Path) -> None:
    without_links_to_code(copy)
    with (copy / "docs/drift.md").open("a") as page:
        page.write("\n[gone](nowhere.md) [part](policy.md#nowhere) `docs/gone.md`\n```\n[code](is-no-link.md)\n```\n")
    assert found(copy) == {("dead_link", "nowhere.md"), ("dead_anchor", "policy.md#nowhere"), ("dead_link", "docs/gone.md")}
    text = run_parstock("docs", "check", str(copy), "-o", "table", env=parstock_env())
    assert text.returncode == 1 and re.search(rb"docs/drift\.md:\d+: dead_link: nowhere\.md", text.stdout)


def test_a_cause_without_a_page(copy: Path) -> None:
    (copy / "docs/runbooks/lost_write.md").unlink()
    problems = found(copy)
    assert {("no_page", "lost_write"), ("no_page", "write_lost")} <= problems
    assert {rule for rule, _ in problems} == {"no_page", "dead_link"}


def test_a_page_that_names_nothing_that_leads_to_it(copy: Path) -> None:
    edit(copy, "runbooks/untracked.md", "# untracked: ", "# ")
    edit(copy, "runbooks/push-refused.md", "`location_gone`", "")
    edit(copy, "runbooks/double_apply.md", "`event_doubled`", "")
    assert found(copy) == {("unnamed", "untracked"), ("unnamed", "location_gone"), ("unnamed", "event_doubled")}


def test_a_runbook_that_nothing_leads_to(copy: Path) -> None:
    page = (copy / "docs/runbooks/throttled.md").read_text()
    (copy / "docs/runbooks/lonely.md").write_text(page.replace("# throttled", "# lonely"))
    rules = {rule for rule, about in found(copy)}
    assert rules == {"orphan", "unreached", "one_way"}


def test_a_procedure_that_is_linked_one_way(copy: Path) -> None:
    edit(copy, "runbooks/lost_write.md", "[write contract](../sops/write-contract.md)", "")
    assert found(copy) == {("one_way", "docs/runbooks/lost_write.md"), ("no_procedure", "lost_write: a write is not in the shop")}


def test_a_runbook_without_its_sections(copy: Path) -> None:
    edit(copy, "runbooks/lost_write.md", "## Mitigation", "## What else")
    assert found(copy) == {("no_section", "Mitigation")}


def test_alerts_need_a_page_that_names_them(copy: Path) -> None:
    rules = copy / "helm/parstock/rules"
    rules.mkdir(parents=True)
    (rules / "alerts.yaml").write_text(
        "groups:\n- rules:\n  - alert: ParstockFar\n    annotations:\n      runbook_url: https://x/docs/runbooks/throttled.md\n"
        "  - alert: ParstockNone\n    expr: up\n")  # fmt: skip
    assert found(copy) == {("unnamed", "ParstockFar"), ("no_page", "ParstockNone")}
    with (copy / "docs/runbooks/throttled.md").open("a") as page:
        page.write("\nAlert `ParstockFar`.\n")
    assert found(copy) == {("no_page", "ParstockNone")}


def test_a_rule_of_the_contract_that_links_a_page_that_is_not_there(copy: Path, tmp_path: Path) -> None:
    file = json.loads((EXAMPLES / "policy.json").read_text())
    file["policy"]["rules"][0]["runbook"] = "docs/runbooks/ours.md"
    (tmp_path / "contract.json").write_text(json.dumps(file))
    assert found(copy, tmp_path / "contract.json") == {("no_page", file["policy"]["rules"][0]["id"])}


def test_a_folder_without_docs_is_wrong_use(tmp_path: Path) -> None:
    done = run_parstock("docs", "check", str(tmp_path))
    assert done.returncode == 64 and b"no folder docs" in done.stderr
    assert run_parstock("docs").returncode == 64


COMMAND = re.compile(r"`parstock ([a-z][a-z-]*)([^`]*)`")
FLAG = re.compile(r"--[a-z][a-z-]+")


def test_commands_of_the_pages_exist_with_their_flags() -> None:
    """A runbook is read in a hurry: what it tells to type must work."""
    known = run_parstock("help", "--commands").stdout.decode().split()
    flags: dict[str, set[str]] = {}
    wrong = []
    for page in sorted((ROOT / "docs").rglob("*.md")):
        for command, rest in COMMAND.findall(page.read_text()):
            if command not in known:
                wrong.append((page.name, command))
                continue
            if command not in flags:
                flags[command] = set(run_parstock(command, "--help=flags").stdout.decode().split())
            wrong += [(page.name, command, flag) for flag in FLAG.findall(rest.split("||")[0]) if flag not in flags[command]]
    assert wrong == []
