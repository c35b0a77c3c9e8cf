"""The table of commands: help, man pages, and wrong use."""

import shutil
import subprocess

import pytest

from tests.harness.worker import parstock_env, run_parstock

COMMANDS = run_parstock("help", "--commands").stdout.decode().split()


def test_the_table_is_there():
    assert {"apply", "push", "up", "topics", "doctor", "migrate", "dev-broker"} <= set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_and_a_man_page(command):
    # Help is wanted most where the set-up is broken.
    env = parstock_env(PARSTOCK_TOPIC_PARTITIONS="nonsense", PARSTOCK_LOG="nonsense")
    for arguments in ([command, "--help"], ["help", command], [command, "-h"]):
        answer = run_parstock(*arguments, env=env)
        assert (answer.returncode, answer.stderr) == (0, b"")
        text = answer.stdout.decode()
        assert f"usage: parstock {command}" in text
        assert "--log" in text and "PARSTOCK_LOG" in text
        assert max(map(len, text.splitlines())) <= 100
    page = run_parstock("help", "--man", command, env=env)
    assert page.returncode == 0
    assert page.stdout.startswith(f".TH PARSTOCK-{command.upper()} 1".encode())
    if shutil.which("man"):
        shown = subprocess.run(
            ["man", "--warnings", "-l", "-"], input=page.stdout, capture_output=True,
            env={"PATH": "/usr/bin:/bin", "MANPAGER": "cat", "LC_ALL": "C.UTF-8"},
        )  # fmt: skip
        assert (shown.returncode, shown.stderr) == (0, b"")


@pytest.mark.parametrize("arguments", [["help"], ["--help"], ["-h"]])
def test_help_lists_every_command(arguments):
    answer = run_parstock(*arguments)
    assert answer.returncode == 0
    for command in COMMANDS:
        assert f"  {command} " in answer.stdout.decode()


def test_version():
    answer = run_parstock("--version")
    assert answer.returncode == 0
    assert answer.stdout.startswith(b"parstock ")


def test_without_a_command():
    answer = run_parstock()
    assert (answer.returncode, answer.stdout) == (64, b"")
    assert b"usage:" in answer.stderr


def test_an_unknown_command_is_suggested():
    answer = run_parstock("migrat")
    assert answer.returncode == 64
    assert b"did you mean 'migrate'?" in answer.stderr
    assert run_parstock("help", "migrat").returncode == 64
    assert b"did you mean" not in run_parstock("zzzzzzzzz").stderr


def test_completion_is_valid_bash():
    script = run_parstock("help", "--bash-completion").stdout
    assert b"complete -F" in script
    assert subprocess.run(["bash", "-n"], input=script).returncode == 0


def test_a_full_disk_is_no_success():
    with open("/dev/full", "wb") as full:
        answer = subprocess.run(
            [run_parstock("help").args[0], "help"], stdout=full, stderr=subprocess.PIPE
        )
    assert answer.returncode == 70
    assert b"standard output" in answer.stderr
