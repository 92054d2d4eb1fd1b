"""A running server's parts: complete while they are there, and closed in order."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pydantic import SecretStr

from app.access.tokens import digest
from app.errors import IndexUnavailable
from app.index.follower import Follower
from app.memory.types import Scope
from app.runtime.running import running
from app.settings.fields import Settings
from app.store.database import Database
from tests.support.domain import memorize, texts_for


async def test_what_was_written_is_found_at_once(plain_settings: Settings, database: Database, alice: Scope) -> None:
    steps: list[str] = []
    async with running(plain_settings, database, steps.append) as parts:
        await memorize(parts.domain, alice, "apple pie")
        parts.wrote()

        assert await texts_for(parts.domain, alice, "apple") == ["apple pie"]
        assert parts.database_problem is None
        assert parts.oauth is None
    assert steps == ["index open"]


async def test_the_admins_token_is_valid_from_the_start_and_stays_revoked(
    plain_settings: Settings, database: Database
) -> None:
    value = "cm_" + "made-up-" * 5 + "abc"
    settings = plain_settings.model_copy(update={"admin_token": SecretStr(value)})
    async with running(settings, database, lambda step: None) as parts:
        found = await parts.tokens.find(digest(value))
        assert found is not None
        assert set(found.scopes) == {"read", "write", "admin"}
        await parts.tokens.revoke(found.id)
    async with running(settings, database, lambda step: None) as parts:
        assert await parts.tokens.find(digest(value)) is None


async def test_sign_in_is_kept_where_there_is_a_public_url(plain_settings: Settings, database: Database) -> None:
    settings = plain_settings.model_copy(update={"public_url": "https://memory.test"})
    async with running(settings, database, lambda step: None) as parts:
        assert parts.oauth is not None


async def test_at_the_end_no_work_goes_on_and_the_index_is_closed(plain_settings: Settings, database: Database) -> None:
    before = asyncio.all_tasks()
    async with running(plain_settings, database, lambda step: None) as parts:
        assert asyncio.all_tasks() > before
    await asyncio.sleep(0)

    assert asyncio.all_tasks() == before
    with pytest.raises(IndexUnavailable):
        await parts.index.view("alice")


async def test_what_was_opened_is_closed_when_the_rest_cannot_be(
    plain_settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped: list[Follower] = []
    stop = Follower.stop

    async def fail(self: Follower, timeout_s: float) -> None:
        raise IndexUnavailable("broken")

    async def note(self: Follower) -> Any:
        stopped.append(self)
        await stop(self)

    monkeypatch.setattr(Follower, "wait_filled", fail)
    monkeypatch.setattr(Follower, "stop", note)
    with pytest.raises(IndexUnavailable, match="broken"):
        async with running(plain_settings, database, lambda step: None):
            pass

    assert len(stopped) == 1
