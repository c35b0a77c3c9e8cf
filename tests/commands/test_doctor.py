"""doctor: each thing that can be wrong is found, with its exit code and remedy."""

import json
import uuid

import pytest

from tests.harness.shop import Shop
from tests.harness.worker import parstock_env, run_parstock

TOKEN = "shop-double-token"  # what the double takes


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


def test_tokens_of_sources(env):
    def texts(**settings):
        code, report, found = doctor(env | settings)
        assert "hush-hush" not in json.dumps(report)
        return [c["text"] for c in report["checks"] if c["check"] == "gateway"], found["gateway"], report

    said, verdicts, _ = texts()
    assert verdicts == {"ok"} and any("PARSTOCK_SOURCE_WMS_TOKEN" in text for text in said)
    assert texts(PARSTOCK_SOURCE_WMS_TOKEN="hush-hush-0123456789")[1] == {"ok"}
    assert texts(PARSTOCK_SOURCE_WMS_TOKEN="hush-hush")[1] == {"ok", "warn"}
    assert texts(PARSTOCK_SOURCE_WMS_TOKEN_FILE="/nowhere/at/all")[1] == {"ok", "fail"}
    assert "fail" in texts(PARSTOCK_GATEWAY_LISTEN="192.0.2.1:80")[1]


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


def shop_check(env):
    code, report, _ = doctor(env)
    assert "hush-hush" not in json.dumps(report)
    (check,) = [c for c in report["checks"] if c["check"] == "shop"]
    return code, check


def test_a_shop_without_credentials(contract_with_shop):
    env = parstock_env(contract=contract_with_shop("http://127.0.0.1:1"))
    _, check = shop_check(env)
    assert check["verdict"] == "fail"
    assert "PARSTOCK_SHOP_MAIN_EU_TOKEN" in check["text"]
    assert "set the credentials" in check["remedy"]
    assert shop_check(env | {"PARSTOCK_SHOP_MAIN_EU_CLIENT_ID": "x"})[1]["verdict"] == "fail"


def test_a_shop_that_is_away(contract_with_shop):
    env = parstock_env(contract=contract_with_shop("http://127.0.0.1:1"), PARSTOCK_SHOP_MAIN_EU_TOKEN="hush-hush")
    code, check = shop_check(env)
    assert (code, check["verdict"]) == (69, "unreachable")


def test_a_shop_that_answers(contract_with_shop, run_dir):
    with Shop(run_dir) as shop:
        env = parstock_env(contract=contract_with_shop(shop.url))
        assert shop_check(env | {"PARSTOCK_SHOP_MAIN_EU_TOKEN": TOKEN})[1]["verdict"] == "ok"
        _, check = shop_check(env | {"PARSTOCK_SHOP_MAIN_EU_TOKEN": "hush-hush"})
        assert check["verdict"] == "fail" and check["remedy"]


def test_a_shop_that_grants_too_little(contract_with_shop, run_dir):
    scopes = ["read_inventory", "read_locations", "read_products"]
    with Shop(run_dir, config={"scopes": scopes}) as shop:
        env = parstock_env(contract=contract_with_shop(shop.url), PARSTOCK_SHOP_MAIN_EU_TOKEN=TOKEN)
        _, check = shop_check(env)
        assert check["verdict"] == "fail"
        assert "write_inventory" in check["text"] and "grant" in check["remedy"]


@pytest.mark.parametrize("mode, verdict", [(0o600, "ok"), (0o440, "ok"), (0o644, "fail"), (None, "fail")])
def test_files_of_secrets(tmp_path, mode, verdict):
    path = tmp_path / "token"
    if mode is not None:
        path.write_text("hush-hush")
        path.chmod(mode)
    _, report, found = doctor(parstock_env(PARSTOCK_SHOP_X_TOKEN_FILE=str(path)))
    assert found["secrets"] == {verdict}
    assert "hush-hush" not in json.dumps(report)
