"""The report of an installation: what it is, and no secret."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from app.memory.types import Scope
from app.runtime.report import installation_report
from app.runtime.runtime import Runtime
from app.settings.fields import Settings
from tests.support.rows import add_note


def test_a_secret_is_never_told(plain_settings: Settings) -> None:
    settings = plain_settings.model_copy(update={"qdrant_api_key": SecretStr("hunter2")})
    report = installation_report(settings)

    assert report.settings["QDRANT_API_KEY"].secret
    assert report.settings["QDRANT_API_KEY"].value is None
    assert "hunter2" not in report.model_dump_json()


@pytest.mark.parametrize(("url", "engine"), [(None, "embedded"), ("http://127.0.0.1:9", "server")])
def test_the_engine_is_named(plain_settings: Settings, url: str | None, engine: str) -> None:
    assert installation_report(plain_settings.model_copy(update={"qdrant_url": url})).index.engine == engine


async def test_a_running_server_adds_its_database_and_its_index(runtime: Runtime, alice: Scope) -> None:
    await add_note(runtime.running.opened.store, alice, "a note")
    await runtime.running.index.view("alice")
    report = await runtime.report()

    assert (report.memories, report.index.points, report.index.problem) == (1, 1, None)
    assert report.schema_files is not None
    assert "0001_memories.sql" in report.schema_files
