"""`suspend` and `resume`."""

from __future__ import annotations

from tests.standins.render.server import Server
from tests.support.render_stack import (
    Drive,
    Stack,
)

CPU_ONLY = {"cpu": {"enabled": True, "percentage": 70}, "memory": {"enabled": False, "percentage": 70}}


def test_a_service_is_suspended_and_resumed(stack: Stack, drive: Drive) -> None:
    assert drive("suspend", "--service", "web").status == 0
    assert "is suspended already" in drive("suspend", "--service", "web").out
    assert stack.services["web"].shown["suspended"] == "suspended"

    ran = drive("resume", "--service", "web")
    assert ran.status == 0
    assert "claude-memory-web is live" in ran.err
    assert "is not suspended" in drive("resume", "--service", "web").out


def test_a_whole_stack_is_suspended_only_when_it_is_named(stack: Stack, drive: Drive, render: Server) -> None:
    assert drive("suspend").status == 2
    assert render.changes() == []

    assert drive("suspend", "--stack", "render").status == 0
    assert all(one.shown["suspended"] == "suspended" for one in stack.services.values())


def test_what_billing_suspended_is_not_resumed(stack: Stack, drive: Drive, render: Server) -> None:
    stack.services["web"].shown |= {"suspended": "suspended", "suspenders": ["billing"]}

    ran = drive("resume", "--service", "web")
    assert (ran.status, "by billing" in ran.err, render.changes()) == (2, True, [])
