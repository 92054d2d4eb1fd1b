"""`status`: a row for each service and store, in words."""

from __future__ import annotations

from tests.standins.render.server import Server
from tests.support.render_stack import (
    Drive,
    Stack,
)


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
