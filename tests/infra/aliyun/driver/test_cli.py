"""`python -m infra.aliyun` as a program of its own, and errors as one line with an exit status."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from infra.aliyun.driver.cli import build_parser
from tests.support.aliyun_cloud import Cloud
from tests.support.aliyun_stack import SECRET_URL, Drive, Stack
from tests.support.serving import ROOT

COMMANDS = ["bundle", "up", "recover", "release", "rollback", "invoke", "check", "logs", "cost"]


def test_help_names_every_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "infra.aliyun", "--help"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert re.findall(r"^    ([a-z]+)\b", done.stdout, re.MULTILINE) == COMMANDS


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["frobnicate"],
        ["logs", "--since", "soon"],
        ["invoke", "--stack", ""],
        ["release", "--canary", "0"],
        ["release", "--canary", "100"],
        ["release", "--canary", "5", "--promote"],
        ["cost", "--requests", "-1"],
        ["cost", "--cpu", "many"],
    ],
)
def test_wrong_usage_is_status_2(arguments: list[str], drive: Drive) -> None:
    assert drive(*arguments).status == 2


def test_an_error_is_one_line_without_a_traceback(stack: Stack, drive: Drive) -> None:
    stack.output(url="")
    ran = drive("invoke")

    assert (ran.status, ran.out, ran.err.count("\n")) == (1, "", 1)
    assert ran.err.startswith("python -m infra.aliyun invoke: the stack aliyun has no output url")


def test_an_error_of_the_cloud_shows_no_secret(stack: Stack, cloud: Cloud, drive: Drive) -> None:
    cloud.faults = [(400, {"errorCode": "ParameterInvalid", "errorMessage": f"{SECRET_URL} \x1b[31mred"})] * 2
    ran = drive("logs")

    assert (ran.status, ran.err.count("\n")) == (1, 1)
    assert "400 ParameterInvalid: *** red" in ran.err

    stack.hide_secrets()
    assert "CallFailed; what it says may hold the stack's secrets, which cannot be read: pulumi" in drive("logs").err


def test_without_keys_it_is_wrong_usage_and_says_where_to_get_them(stack: Stack, drive: Drive) -> None:
    ran = drive("logs", ALIBABA_CLOUD_ACCESS_KEY_SECRET="")

    assert ran.status == 2
    assert "make a pair for a RAM user" in ran.err


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        build_parser().parse_args([command, "--help"])

    assert ended.value.code == 0
    assert "--stack" in capsys.readouterr().out
