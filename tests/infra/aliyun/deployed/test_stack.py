"""A stack is changed: its key `release`, and `pulumi up`, which is repeated on 429 alone."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
import yaml

from infra import pulumi_cli
from infra.aliyun.deployed.releases import Wanted
from infra.aliyun.deployed.repeating import TRIES
from infra.aliyun.deployed.stack import UpFailed, up, write_release
from infra.command_errors import CannotDo
from infra.stack_file import read
from tests.infra.aliyun.deployed.test_locks import dead, locked
from tests.support.aliyun_stack import DIGITS, RELEASES, Stack
from tests.support.pulumi_cli import PulumiProject, needs_pulumi
from tests.support.stacks import ALIYUN_SECRETS

A, B, C, _ = RELEASES
THROTTLED = "error: creating function: ErrorCode: ResourceThrottled, StatusCode: 429, Message: Reached the limit"


def ran_up(stack: Stack, waits: list[float], said: list[str]) -> int:
    return up(stack.folder, "aliyun", say=said.append, sleep=waits.append)


@pytest.mark.parametrize("said", [THROTTLED, "error: TooManyRequests", "error: 429 Too Many Requests"])
def test_too_many_requests_are_waited_for_and_up_runs_again(said: str, stack: Stack, waits: list[float]) -> None:
    stack.fail(said, said)
    told: list[str] = []

    assert ran_up(stack, waits, told) == 3
    assert len(waits) == 2
    assert "too many requests (429); pulumi up runs again in" in told[0]


def test_too_many_requests_without_end_are_an_error(stack: Stack, waits: list[float]) -> None:
    stack.fail(*[THROTTLED] * 20)

    with pytest.raises(UpFailed, match=f"refused {TRIES} times with 429"):
        ran_up(stack, waits, [])
    assert (stack.ups, len(waits)) == (TRIES, TRIES - 1)


def test_another_failure_is_not_repeated(stack: Stack, waits: list[float], capfd: pytest.CaptureFixture[str]) -> None:
    stack.fail("error: a layer of another region")

    with pytest.raises(UpFailed, match="failed with status 255; correct what it says above"):
        ran_up(stack, waits, [])
    out, err = capfd.readouterr()
    assert (stack.ups, waits, out) == (1, [], "")
    assert "a layer of another region" in err


@pytest.mark.parametrize("code", ["EntityAlreadyExists.Role", "FunctionAlreadyExists", "LogStoreAlreadyExist"])
def test_what_exists_already_may_be_of_a_lost_answer(code: str, stack: Stack, waits: list[float]) -> None:
    stack.fail(f"error: {code}: it exists")

    with pytest.raises(UpFailed, match=r"if no other stack has what exists already.* run `recover --adopt`"):
        ran_up(stack, waits, [])


def test_a_lock_of_a_dead_process_is_removed_and_up_runs_again(stack: Stack, waits: list[float]) -> None:
    stack.fail(locked(dead(), socket.gethostname()))

    assert ran_up(stack, waits, []) == 2
    assert waits == []


def test_without_the_command_it_says_so(stack: Stack, waits: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")

    with pytest.raises(CannotDo, match="not on PATH"):
        ran_up(stack, waits, [])


def test_the_key_is_written_and_what_went_is_removed(stack: Stack) -> None:
    write_release(stack.folder, "aliyun", Wanted(A, 10, (A, B, DIGITS)), {})
    assert stack.release == {"serving": A, "canary": 10, "keep": [A, B, DIGITS]}

    write_release(stack.folder, "aliyun", Wanted(keep=(C,)), stack.release)
    assert stack.release == {"keep": [C]}


@needs_pulumi
@pytest.mark.timeout(120)
def test_the_real_pulumi_writes_the_key_the_same_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = PulumiProject(tmp_path)
    name = project.take("Pulumi.aliyun.yaml", ALIYUN_SECRETS)
    for variable, value in project.environment.items():
        monkeypatch.setenv(variable, value)

    for wanted in (Wanted(A, 10, (A, B, DIGITS)), Wanted(B, None, (A, B)), Wanted(keep=(C,)), Wanted()):
        present = read(project.folder, name).parts.get("release") or {}
        write_release(project.folder, name, wanted, present)
        written = read(project.folder, name).parts.get("release") or {}
        assert {key: value for key, value in written.items() if value != []} == {
            **({"serving": wanted.serving} if wanted.serving else {}),
            **({"canary": wanted.canary} if wanted.canary else {}),
            **({"keep": list(wanted.keep)} if wanted.keep else {}),
        }

    text = yaml.safe_load((project.folder / "Pulumi.aliyun.yaml").read_text(encoding="utf-8"))
    assert text["config"]["claude-memory:target"] == "aliyun"
    assert (
        pulumi_cli.answer(project.folder, name, "config", "get", "adminToken").strip() == ALIYUN_SECRETS["adminToken"]
    )
