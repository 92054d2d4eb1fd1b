"""Known failures in the logs and events of a service."""

from __future__ import annotations

import pytest

from tests.standins.render import deploys
from tests.standins.render.app import DeployedApp
from tests.standins.render.server import Server
from tests.support.render import FakeTime
from tests.support.render_stack import (
    DATABASE,
    EMBEDDING,
    Drive,
    Stack,
    findings,
)

pytestmark = pytest.mark.usefixtures("checkout")


def test_known_failures_in_logs_and_events_are_told_with_the_remedy(
    stack: Stack, app: DeployedApp, drive: Drive, render: Server
) -> None:
    web = stack.services["web"]
    for line in ("==> Exited with status 1", "ModuleNotFoundError: No module named 'obstore'") * 3:
        deploys.log(render.state, web, "app", line)
    killed = {"reason": {"oomKilled": {"memoryLimit": "512Mi"}}}
    deploys.event(render.state, stack.services["worker"], "server_failed", killed)

    found = findings(drive, status=1)
    assert "Python does not find obstore (3 times)" in found["logs of claude-memory-web"]["found"]
    assert "the process keeps ending (3 times)" in found["logs of claude-memory-web"]["found"]
    assert "`metrics` shows how much it takes" in found["logs of claude-memory-worker"]["remedy"]


def test_failures_from_before_the_present_deploy_are_over(
    stack: Stack, app: DeployedApp, drive: Drive, render: Server, fake_time: FakeTime
) -> None:
    deploys.log(render.state, stack.services["web"], "app", "listening on http://127.0.0.1:10000")
    fake_time.now_s += 600
    stack.deploy("web")

    found = findings(drive, status=0)["logs of claude-memory-web"]
    assert found["state"] == "warning"
    assert "before the present deploy" in found["found"]
    fake_time.now_s += 100_000
    assert findings(drive, status=0)["logs of claude-memory-web"]["state"] == "ok", "24 hours are read"


def test_secrets_in_log_lines_are_taken_out(stack: Stack, app: DeployedApp, drive: Drive, render: Server) -> None:
    line = f"PostgreSQL does not answer ({DATABASE}, {EMBEDDING})"
    deploys.log(render.state, stack.services["web"], "app", line)

    assert "(***, ***)" in findings(drive)["logs of claude-memory-web"]["found"]
