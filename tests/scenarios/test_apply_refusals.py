"""What apply refuses to start with, and how it says so."""

import pytest

from tests.harness.worker import parstock_env, run_parstock
from tests.scenarios.stage import CONTRACT

FORBIDDEN = {
    "ENABLE_AUTO_COMMIT": "true",
    "ENABLE_AUTO_OFFSET_STORE": "true",
    "AUTO_OFFSET_RESET": "latest",
    "PARTITIONER": "consistent",
    "ENABLE_IDEMPOTENCE": "false",
    "ACKS": "1",
    "REQUEST_REQUIRED_ACKS": "0",
    "ISOLATION_LEVEL": "read_uncommitted",
    "GROUP_ID": "mine",
}
NEEDED = ("PARSTOCK_CONTRACT", "PARSTOCK_KAFKA_BROKERS", "PARSTOCK_POSTGRES")
SECRET = "hunter2-secret"


def complete(**more: str) -> dict[str, str]:
    return parstock_env(
        kafka="127.0.0.1:1", contract=CONTRACT,
        postgres=f"host=127.0.0.1 port=1 password={SECRET}", **more,
    )  # fmt: skip


def refused(env: dict[str, str], *arguments: str) -> tuple[int, str]:
    done = run_parstock("apply", *arguments, env=env, limit_s=30)
    said = (done.stdout + done.stderr).decode()
    assert SECRET not in said
    return done.returncode, said


@pytest.mark.parametrize("name", FORBIDDEN)
def test_a_property_that_would_break_the_order(name):
    variable = f"PARSTOCK_KAFKA__{name}"
    code, said = refused(complete(**{variable: FORBIDDEN[name]}))
    assert code == 78
    assert variable in said or name.lower().replace("_", ".") in said


def test_a_property_that_is_none():
    code, said = refused(complete(PARSTOCK_KAFKA__NO_SUCH_THING="1"))
    assert code == 78 and "no.such.thing" in said.lower().replace("_", ".")


@pytest.mark.parametrize("name", NEEDED)
def test_a_missing_setting(name):
    env = complete()
    del env[name]
    code, said = refused(env)
    assert code == 78 and name in said


def test_a_contract_that_is_absent_or_broken(tmp_path):
    env = complete()
    env["PARSTOCK_CONTRACT"] = str(tmp_path / "none.json")
    code, said = refused(env)
    assert code == 78 and "none.json" in said
    (tmp_path / "none.json").write_text('{"version": 1, ')
    code, said = refused(env)
    assert code == 78 and "none.json" in said


@pytest.mark.parametrize("argument", ["--no-such-flag", "surplus"])
def test_usage(argument):
    code, said = refused(complete(), argument)
    assert code == 64 and argument.lstrip("-") in said
