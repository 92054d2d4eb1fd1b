"""What commands share: the key, the workspace, the stack's file, the exit status of wrong usage."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.render import FakeTime
from tests.support.render_stack import (
    KEY,
    Drive,
    Stack,
)


def rows(drive: Drive, *more: str) -> dict[str, dict[str, str]]:
    ran = drive("status", "--json", *more)
    assert ran.status == 0, ran.err
    return {row["name"].removeprefix("claude-memory-"): row for row in ran.json}


def test_an_unknown_workspace_is_wrong_usage(stack: Stack, drive: Drive) -> None:
    ran = drive("status", "--owner", "stand-inn")

    assert (ran.status, "did you mean Stand-in" in ran.err) == (2, True)


def test_without_a_key_it_says_where_to_get_one(stack: Stack, drive: Drive) -> None:
    ran = drive("status", RENDER_API_KEY="")

    assert ran.status == 2
    assert "set RENDER_API_KEY" in ran.err


def test_a_wrong_key_fails_in_one_line(stack: Stack, drive: Drive) -> None:
    ran = drive("status", RENDER_API_KEY="rnd_wrong")

    assert (ran.status, ran.out, ran.err.count("\n")) == (1, "", 1)
    assert "401" in ran.err


def test_an_api_that_is_not_reached_is_told_before_the_first_try_again(drive: Drive, fake_time: FakeTime) -> None:
    nothing = "http://127.0.0.1:9/v1"  # the port of a service that throws away what it gets; none is there

    ran = drive("status", RENDER_API_URL=nothing)

    first, *_, last = ran.err.splitlines()
    assert (ran.status, fake_time.slept_s) == (1, [1, 2, 4, 8])
    assert first == f"waits 1 s: GET /owners failed ({nothing} cannot be reached: no connection) and is tried again"
    assert last.startswith("python -m infra.render status: GET /owners: ")


def test_owner_and_address_of_the_stacks_file_go_first(stack: Stack, drive: Drive, folder: Path) -> None:
    (folder / "Pulumi.render.yaml").write_text(
        "config:\n  claude-memory:owner: Nobody\n  claude-memory:target: render\n", encoding="utf-8"
    )

    assert "the key reaches no workspace of this name" in drive("status", RENDER_OWNER="Stand-in").err


def test_the_stacks_own_key_is_read_by_pulumi(
    stack: Stack, drive: Drive, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "Pulumi.render.yaml").write_text(
        "config:\n  claude-memory:renderApiKey:\n    secure: v1:abc\n", encoding="utf-8"
    )
    monkeypatch.setenv("PATH", "/nowhere")
    assert "the command pulumi is not on PATH" in drive("status", RENDER_API_KEY="").err
    assert drive("status").status == 0

    commands = folder / "bin"
    commands.mkdir()
    (commands / "pulumi").write_text(f'#!/bin/sh\n[ "$3" = renderApiKey ] && echo {KEY}\n', encoding="utf-8")
    (commands / "pulumi").chmod(0o755)
    monkeypatch.setenv("PATH", f"{commands}:/usr/bin:/bin")
    assert drive("status", RENDER_API_KEY="").status == 0


@pytest.mark.parametrize("arguments", [[], ["frobnicate"], ["status", "--stack", ""], ["logs", "--since", "soon"]])
def test_wrong_usage_is_status_2(arguments: list[str], drive: Drive) -> None:
    assert drive(*arguments).status == 2
