"""Whether services and stores run."""

from __future__ import annotations

import pytest

from tests.standins.render.app import DeployedApp
from tests.standins.render.server import Server
from tests.support.render_stack import (
    Drive,
    Stack,
    findings,
)

pytestmark = pytest.mark.usefixtures("checkout")


def test_what_does_not_run_is_told_with_what_to_do(
    stack: Stack, app: DeployedApp, drive: Drive, render: Server
) -> None:
    stack.services["worker"].shown |= {"suspended": "suspended", "suspenders": ["user"]}
    stack.services["qdrant"].outcomes.append("update_failed")
    stack.deploy("qdrant")
    stack.services["web"].details.update(healthCheckPath="/", region="oregon")
    postgres = {"name": "claude-memory-postgres", "ownerId": render.state.owner, "plan": "free", "version": "17"}
    stack._call("POST", "/postgres", postgres)

    found = findings(drive, status=1)
    assert found["claude-memory-worker"]["remedy"] == "`resume --service claude-memory-worker`"
    assert "update_failed; the one before it runs" in found["claude-memory-qdrant"]["found"]
    assert found["claude-memory-web"]["state"] == "ok | warning"
    assert "frankfurt and oregon" in found["regions"]["found"]
    assert "claude-memory-postgres" in found


def test_a_web_service_that_does_not_run_is_not_asked(stack: Stack, app: DeployedApp, drive: Drive) -> None:
    stack.services["web"].shown["suspended"] = "suspended"

    assert findings(drive, status=1)["the app"]["state"] == "skipped"
    assert app.asked == []
