"""`status`, and which services a command is about."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.infra.render.driver.conftest import DOCKER, KEY, Drive, Stack
from tests.standins.render.server import Server


def rows(drive: Drive, *more: str) -> dict[str, dict[str, str]]:
    ran = drive("status", "--json", *more)
    assert ran.status == 0, ran.err
    return {row["name"].removeprefix("claude-memory-"): row for row in ran.json}


def test_a_row_for_each_service_tells_what_runs(stack: Stack, drive: Drive) -> None:
    ran = drive("status")

    assert ran.status == 0
    assert "claude-memory-web web service live 1 of 1 starter 59bb072 Initial commit" in ran.said
    assert "claude-memory-backup cron job live 0 2 * * * starter" in ran.said
    assert "qdrant:v1.18.0" in ran.said


def test_the_stores_of_the_stack_are_listed(stack: Stack, drive: Drive, render: Server) -> None:
    postgres = {"name": "claude-memory-postgres", "ownerId": render.state.owner, "plan": "free", "version": "17"}
    stack._call("POST", "/postgres", postgres)

    assert rows(drive)["postgres"]["kind"] == "PostgreSQL 17"


def test_a_failed_deploy_is_told_while_the_one_before_runs(stack: Stack, drive: Drive) -> None:
    stack.services["web"].outcomes.append("build_failed")
    stack.deploy("web")

    row = rows(drive)["web"]
    assert row["state"] == "failed"
    assert "build_failed" in row["note"]
    assert "the one before it runs" in row["note"]
    assert row["runs"] == "59bb072 Initial commit"


def test_a_suspended_service_and_autoscaling_are_told(stack: Stack, drive: Drive) -> None:
    stack.services["worker"].shown |= {"suspended": "suspended", "suspenders": ["billing"]}
    criteria = {"cpu": {"enabled": True, "percentage": 70}, "memory": {"enabled": False, "percentage": 70}}
    stack.services["web"].details["autoscaling"] = {"enabled": True, "min": 1, "max": 3, "criteria": criteria}

    found = rows(drive)
    assert (found["worker"]["state"], found["worker"]["note"]) == ("suspended", "by billing")
    assert found["web"]["instances"] == "1 of 1 to 3"


def test_services_of_other_stacks_are_left_out(stack: Stack, drive: Drive) -> None:
    stack.add("dev-web", "web_service", DOCKER, repo="https://github.com/example/claude-memory")
    stack.add("prod-old-web", "web_service", DOCKER, repo="https://github.com/example/claude-memory")

    assert set(rows(drive)) == {"web", "worker", "backup", "qdrant"}
    assert set(rows(drive, "--stack", "render-dev")) == {"dev-web"}
    assert set(rows(drive, "--stack", "organisation/claude-memory/prod-old")) == {"prod-old-web"}


@pytest.mark.parametrize("wanted", ["claude-memory-web", "web", "ID"])
def test_a_service_is_named_by_name_role_or_id(wanted: str, stack: Stack, drive: Drive) -> None:
    wanted = stack.services["web"].id if wanted == "ID" else wanted

    assert set(rows(drive, "--service", wanted, "--service", "worker", "--service", wanted)) == {"web", "worker"}


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        pytest.param("wbe", "did you mean web", id="a slip in a role"),
        pytest.param("claude-memory-werker", "did you mean claude-memory-worker", id="a slip in a name"),
        pytest.param("Claude-Memory-Web", "did you mean claude-memory-web", id="capitals"),
        pytest.param("frontend", "there are claude-memory-backup, claude-memory-qdrant,", id="nothing near"),
    ],
)
def test_an_unknown_service_is_wrong_usage_with_what_is_near(
    wanted: str, said: str, stack: Stack, drive: Drive
) -> None:
    ran = drive("status", "--service", wanted)

    assert ran.status == 2
    assert said in ran.err
    assert ran.err.count("\n") == 1


def test_a_stack_without_services_is_told_with_what_there_is(stack: Stack, drive: Drive) -> None:
    ran = drive("status", "--stack", "staging")

    assert ran.status == 1
    assert "no service of the stack staging (claude-memory-staging-web, …)" in ran.err
    assert "there are claude-memory-backup" in ran.err


# The workspace and the key --------------------------------------------------------------------


def test_the_only_workspace_is_taken(stack: Stack, drive: Drive, render: Server) -> None:
    drive("status")

    assert [one.path for one in render.requests].count("/owners") == 1


@pytest.mark.parametrize("owner", ["Stand-in", "tea-cspvinogph6c73ft00h0"])
def test_a_workspace_is_named_by_name_or_id(owner: str, stack: Stack, drive: Drive) -> None:
    assert drive("status", "--owner", owner).status == 0
    assert drive("status", RENDER_OWNER=owner).status == 0


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
