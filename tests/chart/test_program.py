"""The chart against the program that it runs: commands, flags, variables, and the contract file that it renders."""

import json
import re

import pytest

from tests.chart.helm import CASES, CHART, case_values, merged, render
from tests.chart.pods import WORKERS, command_of, environment, pods
from tests.harness.worker import parstock_env, run_parstock

CASE_NAMES = [c.stem for c in CASES]
PATTERNS = [
    r"PARSTOCK_SHOP_[A-Z0-9_]+_(TOKEN|CLIENT_ID|CLIENT_SECRET|WEBHOOK_SECRET|WEBHOOK_SECRET_OLD)_FILE",
    r"PARSTOCK_SOURCE_[A-Z0-9_]+_TOKEN_FILE",
    r"PARSTOCK_ALERT_[A-Z0-9_]+_(URL|SECRET)_FILE",
    r"PARSTOCK_KAFKA__[A-Z0-9_]+",
    r"PARSTOCK_OTLP_HEADERS_FILE",
]
# What a command reads and the chart leaves at its default, or gives only where it is asked for.
OPTIONAL = {"PARSTOCK_WEBHOOK_CHECK_SECONDS", "PARSTOCK_WEBHOOK_ADDRESS", "PARSTOCK_POSTGRES", "PARSTOCK_KAFKA__*"}
# A command that can do without what it does not need here.
UNUSED = {
    "policy": {"PARSTOCK_POSTGRES_FILE", "PARSTOCK_SCHEMA"},  # explain --finding only
    "topics": {"PARSTOCK_GROUP_PREFIX"},
    "retention": {"PARSTOCK_ADMIN_LISTEN"},  # --watch only
    "doctor": {"PARSTOCK_GATEWAY_LISTEN"},  # the gateway has a pod of its own
}


def told(command: str) -> str:
    answer = run_parstock("help", command)
    assert answer.returncode == 0, command
    return re.sub(r"\s+", " ", answer.stdout.decode())


def variables(command: str) -> set[str]:
    """Those that the command's help lists."""
    found = set()
    for line in re.findall(r"variable: ((?:PARSTOCK_[A-Z0-9_]+\*?(?:, or a file by )?)+)", told(command)):
        found |= set(re.findall(r"PARSTOCK_[A-Z0-9_]+\*?", line))
    return found


@pytest.fixture(scope="module")
def containers() -> dict:
    return {c.stem: [(str(m), k) for m, _, k in pods(render(case_values(c)))] for c in CASES}


@pytest.mark.parametrize("case", CASE_NAMES)
def test_commands_and_flags_exist(containers, case):
    commands = run_parstock("help", "--commands").stdout.decode().split()
    for name, container in containers[case]:
        command, *rest = container["args"]
        assert command in commands, name
        flags = {word for word in rest if word.startswith("--")}
        known = set(run_parstock(command, "--help=flags").stdout.decode().split())
        assert flags <= known, name


def test_every_worker_is_run(containers):
    assert {command_of(c) for _, c in containers["minimal"]} >= {*WORKERS, "migrate", "topics", "policy", "doctor"}


@pytest.mark.parametrize("case", CASE_NAMES)
def test_every_variable_is_one_that_the_command_reads(containers, case):
    for name, container in containers[case]:
        given = {v for v in environment(container) if v.startswith("PARSTOCK_")}
        known = variables(command_of(container)) | {"PARSTOCK_LOG"}
        strange = {v for v in given - known if not any(re.fullmatch(p, v) for p in PATTERNS)}
        assert strange == set(), name


def test_every_variable_that_a_command_reads_is_given(containers):
    for name, container in containers["full"]:
        command = command_of(container)
        missing = variables(command) - set(environment(container)) - OPTIONAL - UNUSED.get(command, set())
        assert missing == set(), name


def test_secrets_go_to_those_who_read_them(containers):
    """Help names the pattern, or the command talks to a shop; no other gets a shop's token."""
    shops = {command_of(c) for _, c in containers["full"] if any("_SHOP_" in v for v in environment(c))}
    assert shops == {"gateway", "push", "drift", "catalog", "webhooks", "doctor"}
    alerts = {command_of(c) for _, c in containers["full"] if any("_ALERT_" in v for v in environment(c))}
    assert alerts == {"notify"}
    sources = {command_of(c) for _, c in containers["full"] if any("_SOURCE_" in v for v in environment(c))}
    assert sources == {"gateway", "doctor"}
    traced = {command_of(c) for _, c in containers["full"] if "PARSTOCK_OTLP_HEADERS_FILE" in environment(c)}
    assert traced == {"apply", "push", "drift", "resolve", "notify"}


def test_names_are_spelled_as_the_program_spells_them(containers):
    (gateway,) = [c for _, c in containers["full"] if command_of(c) == "gateway"]
    assert "PARSTOCK_SOURCE_3PL_S__D_TOKEN_FILE" in environment(gateway)  # a byte of UTF-8, an underscore
    assert "PARSTOCK_SHOP_OUTLET_EU_CLIENT_ID_FILE" in environment(gateway)


def contract_of(manifests) -> str:
    (found,) = [m for m in manifests if m.kind == "ConfigMap" and m.name.endswith("-contract")]
    return found.body["data"]["contract.json"]


@pytest.mark.parametrize("case", [c for c in CASES if "contract:" in c.read_text()], ids=lambda c: c.stem)
def test_the_rendered_contract_passes_the_check(case, tmp_path):
    values = case_values(case)
    text = contract_of(render(values))
    assert json.loads(text) == values["contract"]
    path = tmp_path / "contract.json"
    path.write_text(text)
    answer = run_parstock("policy", "lint", env=parstock_env(PARSTOCK_CONTRACT=str(path)))
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_large_numbers_stay_numbers(tmp_path):
    values = merged(case_values(CHART / "ci/full.yaml"), contract={"drift": {"interval_seconds": 31622400}})
    assert '"interval_seconds": 31622400' in contract_of(render(values))


@pytest.mark.parametrize(
    "change, code",
    [({"sources": []}, 78), ({"surces": []}, 78),
     ({"policy": {"rules": [{"id": n, "when": {}, "do": "observe", "why": "x"} for n in "ab"]}}, 1)],
)  # fmt: skip
def test_a_bad_contract_fails_the_check(change, code, tmp_path):
    path = tmp_path / "contract.json"
    values = merged(case_values(CHART / "ci/minimal.yaml"), contract=change)
    path.write_text(contract_of(render(values)))
    answer = run_parstock("policy", "lint", env=parstock_env(PARSTOCK_CONTRACT=str(path)))
    assert answer.returncode == code, answer.stdout + answer.stderr
