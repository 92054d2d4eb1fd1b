"""Which real call shows that a secret works, and what makes it prove nothing."""

from __future__ import annotations

from tests.standins.render.app import DeployedApp
from tests.support.render_stack import (
    DATABASE,
    NEW_DATABASE,
    NEW_EMBEDDING,
    NEW_TOKEN,
    TOKEN,
    Drive,
    Stack,
)


def test_a_database_is_verified_by_readiness(stack: Stack, app: DeployedApp, drive: Drive) -> None:
    app.accepted["DATABASE_URL"] = {DATABASE}
    ran = drive("rotate", "DATABASE_URL", stdin=NEW_DATABASE)
    assert (ran.status, app.environment["DATABASE_URL"]) == (1, DATABASE)
    assert "not ready after 120 s: postgres: PostgreSQL refuses the login" in ran.err

    app.accepted["DATABASE_URL"] = {DATABASE, NEW_DATABASE}
    ran = drive("rotate", "DATABASE_URL", "--json", stdin=NEW_DATABASE)
    assert ran.status == 0
    assert ran.json["set"] == "DATABASE_URL in claude-memory-web, DATABASE_URL in claude-memory-worker"
    assert {stack.environment(role)["DATABASE_URL"] for role in ("web", "worker")} == {NEW_DATABASE}


def test_a_token_that_is_refused_is_taken_back(stack: Stack, app: DeployedApp, drive: Drive) -> None:
    app.runs_init = False

    ran = drive("rotate", "ADMIN_TOKEN", stdin=NEW_TOKEN)
    assert ran.status == 1
    assert "the app refuses the new token; does its pre-deploy command run `claude-memory init`?" in ran.err
    assert app.environment["ADMIN_TOKEN"] == TOKEN


def test_a_token_proves_nothing_where_none_is_asked_for(stack: Stack, app: DeployedApp, drive: Drive) -> None:
    app.asks_for_tokens = False

    assert "accepts callers without a token (AUTH)" in drive("rotate", "ADMIN_TOKEN", stdin=NEW_TOKEN).err


def test_other_secrets_are_verified_by_health(stack: Stack, app: DeployedApp, drive: Drive) -> None:
    drive("env", "set", "ALERTS_TOKEN", stdin="a-token-of-alerts-1")

    ran = drive("rotate", "ALERTS_TOKEN", "--generate")
    assert (ran.status, "verified: the app is ready" in ran.out) == (0, True)
    assert "an Alertmanager outside the stack has to show the new one as well" in ran.err


def test_the_process_from_before_the_deploy_proves_nothing(stack: Stack, app: DeployedApp, drive: Drive) -> None:
    app.stale = 3
    assert drive("rotate", "EMBEDDING_API_KEY", stdin=NEW_EMBEDDING).status == 0
    assert app.asked.count(("GET", "/health")) == 4

    app.stale = 10_000
    ran = drive("rotate", "ADMIN_TOKEN", stdin=NEW_TOKEN)
    assert "the process from before the deploy still answers" in ran.err
