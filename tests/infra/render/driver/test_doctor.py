"""`doctor` as a whole."""

from __future__ import annotations

import pytest

from tests.standins.render.app import DeployedApp
from tests.support.render_stack import (
    DOCKER,
    Drive,
    Stack,
    findings,
)

pytestmark = pytest.mark.usefixtures("checkout")


def test_a_stack_that_runs_well_has_nothing_to_do(stack: Stack, app: DeployedApp, drive: Drive) -> None:
    ran = drive("doctor")

    assert ran.status == 0, ran.out
    assert "failed" not in ran.out.split()
    assert "warning" not in ran.out.split()
    assert "ok revision 59bb072" in ran.said
    assert "ok PostgreSQL answered" in ran.said
    assert "ok embedding service answered" in ran.said


def test_one_service_that_is_no_stacks_is_looked_at_by_name(stack: Stack, app: DeployedApp, drive: Drive) -> None:
    other = stack.add("x", "background_worker", DOCKER, repo="https://github.com/example/other")

    assert set(findings(drive, "--service", other.shown["name"], status=0)) == {
        "claude-memory-x",
        "logs of claude-memory-x",
    }
