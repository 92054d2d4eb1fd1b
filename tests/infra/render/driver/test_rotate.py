"""`rotate`: what is refused before anything is changed."""

from __future__ import annotations

import pytest

from tests.standins.render.app import DeployedApp
from tests.standins.render.server import Server
from tests.support.render_stack import (
    DATABASE,
    EMBEDDING,
    NEW_DATABASE,
    NEW_EMBEDDING,
    NEW_TOKEN,
    Drive,
    Stack,
)


def test_a_key_that_no_call_uses_is_verified_by_health_and_said_so(
    stack: Stack, app: DeployedApp, drive: Drive
) -> None:
    drive("env", "unset", "EMBEDDING_MODEL")

    ran = drive("rotate", "EMBEDDING_API_KEY", stdin=NEW_EMBEDDING)
    assert ran.status == 0
    assert "EMBEDDING_MODEL is not set, so no call uses EMBEDDING_API_KEY: only the app's health can be" in ran.err


@pytest.mark.parametrize(
    ("arguments", "stdin", "status", "said"),
    [
        pytest.param(["LOG_LEVEL"], "", 2, "is no secret; `env set LOG_LEVEL=…`", id="no secret"),
        pytest.param(["EMBEDING_API_KEY"], "", 2, "did you mean EMBEDDING_API_KEY", id="a slip in a name"),
        pytest.param(["MEMU_API_KEY"], "x" * 9, 1, "is not set there", id="not set"),
        pytest.param(["EMBEDDING_API_KEY"], EMBEDDING, 2, "the new value is the old one", id="the old value"),
        pytest.param(["EMBEDDING_API_KEY"], "", 2, "the value is empty", id="empty"),
        pytest.param(["ADMIN_TOKEN"], "cm_short", 2, "takes cm_ and 43", id="a wrong form"),
        pytest.param(["EMBEDDING_API_KEY", "--generate"], "", 2, "is given by whoever runs", id="cannot be made"),
        pytest.param(["ADMIN_TOKEN", "--to-file", "x"], "", 2, "goes with --generate", id="to-file alone"),
        pytest.param(["ADMIN_TOKEN", "--go-on"], "", 2, "no rotation of ADMIN_TOKEN was interrupted", id="go on"),
        pytest.param(
            ["ADMIN_TOKEN", "--generate", "--to-file", "Pulumi.yaml"], "", 2, "is there already", id="is there"
        ),
        pytest.param(["ADMIN_TOKEN", "--url", "http://far.example"], NEW_TOKEN, 2, "must begin with https", id="http"),
    ],
)
def test_what_cannot_be_right_changes_nothing(
    arguments: list[str],
    stdin: str,
    status: int,
    said: str,
    stack: Stack,
    app: DeployedApp,
    drive: Drive,
    render: Server,
) -> None:
    ran = drive("rotate", *arguments, stdin=stdin)

    assert (ran.status, said in ran.err, render.changes()) == (status, True, []), ran.err


def test_services_with_different_values_are_rotated_one_by_one(stack: Stack, app: DeployedApp, drive: Drive) -> None:
    drive("env", "set", "DATABASE_URL", "--service", "worker", stdin=DATABASE.replace("dpg-1", "dpg-2"))

    ran = drive("rotate", "DATABASE_URL", stdin=NEW_DATABASE)
    assert (ran.status, "has different values in claude-memory-web, claude-memory-worker" in ran.err) == (2, True)
    assert drive("rotate", "DATABASE_URL", "--service", "worker", stdin=NEW_DATABASE).status == 0


def test_an_app_that_could_not_be_asked_is_told_before_a_change(
    stack: Stack, app: DeployedApp, drive: Drive, render: Server
) -> None:
    app.tokens.clear()

    ran = drive("rotate", "EMBEDDING_API_KEY", stdin=NEW_EMBEDDING)
    assert (ran.status, render.changes()) == (2, [])
    assert "give one with --token-file or MEMORY_TOKEN" in ran.err
    assert drive("rotate", "DATABASE_URL", stdin=NEW_DATABASE).status == 0, "readiness tells without a token"
