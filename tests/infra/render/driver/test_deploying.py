"""How a deploy is waited for, and what is said of one that fails."""

from __future__ import annotations

from typing import Any

import pytest

from tests.standins.render import deploys
from tests.standins.render.server import Server
from tests.support.render import FakeTime
from tests.support.render_stack import (
    DATABASE,
    Drive,
    Stack,
)


def test_a_deploy_is_waited_for_with_its_stages(stack: Stack, drive: Drive) -> None:
    ran = drive("deploy", "--service", "web")

    assert ran.status == 0
    assert [line.split("claude-memory-web ")[1] for line in ran.err.splitlines()] == [
        "builds",
        "starts the new instances",
        "is live",
    ]
    assert ran.out.startswith("claude-memory-web: dep-")


def test_a_failed_build_shows_the_end_of_its_log_and_the_remedy(stack: Stack, drive: Drive, render: Server) -> None:
    stack.services["web"].outcomes.append("build_failed")
    line = f"E: ModuleNotFoundError: No module named 'qdrant_client' ({DATABASE})"
    deploys.log(render.state, stack.services["web"], "build", line, level="error")

    ran = drive("deploy", "--service", "web", "--json")
    assert ran.status == 1
    assert ran.json[0]["status"] == "build_failed"
    assert "No module named 'qdrant_client' (***)" in ran.err
    assert "Python does not find qdrant_client; add its package to requirements/app.in" in ran.err


def test_a_deploy_that_was_canceled_fails(stack: Stack, drive: Drive, monkeypatch: pytest.MonkeyPatch) -> None:
    def cancel(state: Any, service: Any, deploy: Any) -> None:
        deploys._enter(state, service, deploy, "canceled")

    monkeypatch.setattr(deploys, "_next", cancel)

    ran = drive("deploy", "--service", "web")
    assert (ran.status, "was canceled" in ran.err) == (1, True)


def test_the_wait_ends_at_its_limit_and_says_that_the_deploy_goes_on(
    stack: Stack, drive: Drive, render: Server
) -> None:
    render.state.stage_s = 10_000

    ran = drive("deploy", "--service", "web", "--timeout", "2m")
    assert ran.status == 1
    assert "is not live after 120 s and goes on by itself; it builds" in ran.err


def test_without_waiting_it_is_started_and_left(stack: Stack, drive: Drive, fake_time: FakeTime) -> None:
    assert drive("deploy", "--service", "web", "--no-wait").status == 0
    assert fake_time.slept_s == []


def test_a_deploy_behind_another_is_waited_for(stack: Stack, drive: Drive, render: Server) -> None:
    drive("deploy", "--service", "web", "--no-wait")

    ran = drive("deploy", "--service", "web")
    assert "waits for the deploy before it" in ran.err
    assert (ran.status, len(stack.services["web"].deploys)) == (0, 3)


def test_lines_from_before_the_deploy_are_not_taken_for_its_failure(
    stack: Stack, drive: Drive, render: Server, fake_time: FakeTime
) -> None:
    deploys.log(render.state, stack.services["web"], "app", "==> Out of memory (used over 512Mi)")
    fake_time.sleep(3600)
    stack.services["web"].outcomes.append("update_failed")

    ran = drive("deploy", "--service", "web")
    assert ran.status == 1
    assert "update_failed" in ran.err
    assert "Out of memory" not in ran.err
