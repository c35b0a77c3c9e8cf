"""doctor: each thing that can be wrong is found, with its exit code and remedy."""

import json
import uuid

import pytest

from tests.harness.worker import parstock_env, run_parstock


@pytest.fixture
def env(kafka, postgres, contract):
    tag = uuid.uuid4().hex[:8]
    return parstock_env(kafka.bootstrap, postgres.dsn, f"doctor_{tag}", contract, PARSTOCK_TOPIC_PREFIX=f"d{tag}.")


def doctor(env):
    answer = run_parstock("doctor", "-o", "json", env=env)
    report = json.loads(answer.stdout)
    found: dict[str, set[str]] = {}
    for check in report["checks"]:
        found.setdefault(check["check"], set()).add(check["verdict"])
    return answer.returncode, report, found


def test_before_and_after_the_set_up(env):
    code, report, found = doctor(env)
    assert (code, report["ok"]) == (1, False)
    assert found["contract"] == {"ok"} and found["kafka"] == {"ok"} and found["postgres"] == {"ok"}
    assert found["topics"] == {"fail"} and found["schema"] == {"fail"}
    remedies = {c["remedy"] for c in report["checks"] if c["verdict"] == "fail"}
    assert remedies == {"run 'parstock topics ensure'", "run 'parstock migrate'"}

    assert run_parstock("topics", "ensure", env=env).returncode == 0
    assert run_parstock("migrate", env=env).returncode == 0
    code, report, found = doctor(env)
    assert (code, report["ok"]) == (0, True)
    assert {v for verdicts in found.values() for v in verdicts} == {"ok"}
    assert {"contract", "kafka", "topics", "postgres", "clock", "schema"} <= set(found)
    plain = run_parstock("doctor", env=env)
    assert plain.returncode == 0
    assert b"0 failed, 0 unreachable" in plain.stdout


def test_what_is_away_is_unreachable(contract):
    env = parstock_env("127.0.0.1:1", "host=127.0.0.1 port=1", contract=contract)
    code, _, found = doctor(env)
    assert code == 69
    assert found["kafka"] == {"unreachable"} and found["postgres"] == {"unreachable"}


def test_what_is_not_set_fails():
    code, report, found = doctor(parstock_env())
    assert code == 1
    assert found == {"contract": {"fail"}, "kafka": {"fail"}, "postgres": {"fail"}}
    assert all(c["remedy"] for c in report["checks"])


def test_a_broken_contract_fails(env, tmp_path):
    broken = tmp_path / "contract.json"
    broken.write_text('{"version": "1"}')
    assert doctor(env | {"PARSTOCK_CONTRACT": str(broken)})[2]["contract"] == {"fail"}


def test_credentials_of_a_shop(contract_with_shop):
    env = parstock_env(contract=contract_with_shop)
    _, report, found = doctor(env)
    assert found["shop"] == {"fail"}
    assert any("PARSTOCK_SHOP_MAIN_EU_TOKEN" in c["text"] for c in report["checks"])
    assert "fail" in doctor(env | {"PARSTOCK_SHOP_MAIN_EU_CLIENT_ID": "x"})[2]["shop"]
    for credentials in (
        {"PARSTOCK_SHOP_MAIN_EU_TOKEN": "hush-hush"},
        {"PARSTOCK_SHOP_MAIN_EU_CLIENT_ID": "x", "PARSTOCK_SHOP_MAIN_EU_CLIENT_SECRET": "hush-hush"},
    ):
        _, report, found = doctor(env | credentials)
        assert "fail" not in found["shop"]
        assert "hush-hush" not in json.dumps(report)


@pytest.mark.parametrize("mode, verdict", [(0o600, "ok"), (0o440, "ok"), (0o644, "fail"), (None, "fail")])
def test_files_of_secrets(tmp_path, mode, verdict):
    path = tmp_path / "token"
    if mode is not None:
        path.write_text("hush-hush")
        path.chmod(mode)
    _, report, found = doctor(parstock_env(PARSTOCK_SHOP_X_TOKEN_FILE=str(path)))
    assert found["secrets"] == {verdict}
    assert "hush-hush" not in json.dumps(report)
