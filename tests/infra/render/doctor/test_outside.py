"""Real calls to outside services, made by the app."""

from __future__ import annotations

import pytest

from tests.standins.render.app import DeployedApp
from tests.support.render_stack import (
    Drive,
    Stack,
    findings,
)

pytestmark = pytest.mark.usefixtures("checkout")


def test_each_outside_service_is_called_and_a_failure_names_the_remedy(
    stack: Stack, app: DeployedApp, drive: Drive
) -> None:
    app.accepted = {"EMBEDDING_API_KEY": set(), "QDRANT_API_KEY": set(), "DATABASE_URL": set()}

    found = findings(drive, status=1)
    assert found["health"]["state"] == "warning"
    assert "PostgreSQL refuses the login" in found["part postgres"]["found"]
    assert "`rotate DATABASE_URL" in found["PostgreSQL"]["remedy"]
    assert "`rotate QDRANT_API_KEY --generate`" in found["search index"]["remedy"]
    assert "`rotate EMBEDDING_API_KEY" in found["embedding service"]["remedy"]


def test_without_an_embedding_model_none_is_called(stack: Stack, app: DeployedApp, drive: Drive) -> None:
    drive("env", "unset", "EMBEDDING_MODEL", "--mode", "deploy")

    assert findings(drive)["embedding service"]["found"] == "none: EMBEDDING_MODEL is not set, search goes by words"


def test_without_a_token_the_rest_is_done(stack: Stack, app: DeployedApp, drive: Drive) -> None:
    app.tokens.clear()

    found = findings(drive, status=0)
    assert (found["here and there"]["state"], found["outside services"]["state"]) == ("skipped", "skipped")
    assert "--token-file" in found["here and there"]["remedy"]
    assert found["health"]["state"] == "ok"


def test_memu_is_called_where_a_key_for_it_is_set(stack: Stack, app: DeployedApp, drive: Drive) -> None:
    assert "memU" not in findings(drive)
    drive("env", "set", "MEMU_API_KEY", "--mode", "deploy", stdin="mu-91c0d1e7")
    assert findings(drive)["memU"]["state"] == "ok"

    app.accepted = {"MEMU_API_KEY": set()}
    assert "`rotate MEMU_API_KEY" in findings(drive, status=1)["memU"]["remedy"]


def test_a_rerank_service_is_called_where_a_model_of_it_is_set(stack: Stack, app: DeployedApp, drive: Drive) -> None:
    assert "rerank service" not in findings(drive)
    drive("env", "set", "RERANK_MODEL=rerank-v3.5", "--mode", "deploy")
    assert findings(drive)["rerank service"]["state"] == "ok"

    app.accepted = {"RERANK_API_KEY": set()}
    assert "`rotate RERANK_API_KEY" in findings(drive, status=1)["rerank service"]["remedy"]
