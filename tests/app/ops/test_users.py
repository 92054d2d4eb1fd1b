"""Users, whether a server runs or not."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from app.memory.types import Scope
from app.ops import users
from app.store.postgres import PostgresStore
from app.store.users import UnknownUser
from tests.support.cli import url_of
from tests.support.rows import add_note


@pytest.fixture(autouse=True)
def on_the_tests_database(connect_arguments: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", url_of(connect_arguments))


async def test_a_quota_is_set_and_shown_and_dropped(store: PostgresStore, alice: Scope) -> None:
    await add_note(store, alice, "text")

    use, known = await asyncio.to_thread(users.quota, None, "alice", 5, None, default=False)
    assert (use.memories, use.quota.memories, known) == (1, 5, True)
    [row] = await asyncio.to_thread(users.listing, None)
    assert (row.user, row.use.quota.memories) == ("alice", 5)

    use, _ = await asyncio.to_thread(users.quota, None, "alice", None, None, default=True)
    assert use.quota.memories == 0


async def test_a_deletion_is_done_only_when_it_was_agreed_to(store: PostgresStore, alice: Scope) -> None:
    await add_note(store, alice, "text")
    asked: list[dict[str, int]] = []

    def refuse(rows: dict[str, int]) -> bool:
        asked.append(rows)
        return False

    tried = await asyncio.to_thread(users.delete, None, "alice", dry_run=False, agreed=refuse)
    assert (tried.dry_run, tried.rows["memories"], asked) == (True, 1, [tried.rows])
    assert len(await store.recent(alice, 10)) == 1

    done = await asyncio.to_thread(users.delete, None, "alice", dry_run=False, agreed=lambda rows: True)
    assert (done.dry_run, done.rows["memories"]) == (False, 1)
    with pytest.raises(UnknownUser):
        await asyncio.to_thread(users.delete, None, "alice", dry_run=True, agreed=refuse)
