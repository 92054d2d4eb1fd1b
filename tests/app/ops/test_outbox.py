"""The outbox, whether a server runs or not."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from app.errors import NotFound
from app.memory.types import Scope
from app.ops import outbox
from app.store.database import Database
from app.store.outbox_review import OutboxRow
from tests.support.cli import url_of
from tests.support.outbox import handing_over, outbox_of, rows_in
from tests.support.rows import add_note


@pytest.fixture(autouse=True)
async def refused(
    connect_arguments: dict[str, Any], database: Database, alice: Scope, monkeypatch: pytest.MonkeyPatch
) -> int:
    """The id of an entry that was refused, before one that waits."""
    monkeypatch.setenv("DATABASE_URL", url_of(connect_arguments))
    for text in ("refused", "waits"):
        await add_note(handing_over(database), alice, text)
    [entry] = await outbox_of(database).due(1)
    await outbox_of(database).refuse(entry, "no")
    return entry.id


async def test_it_is_listed_and_sent_again(refused: int) -> None:
    listed = await asyncio.to_thread(outbox.listing, None, refused=False, texts=False, limit=10)
    assert [(row.characters, row.text) for row in listed] == [(7, None), (5, None)]
    [row] = await asyncio.to_thread(outbox.listing, None, refused=True, texts=True, limit=10)
    assert (row.id, row.text) == (refused, "refused")

    assert await asyncio.to_thread(outbox.retry, None, None) == 1
    assert await asyncio.to_thread(outbox.listing, None, refused=True, texts=False, limit=10) == []


@pytest.mark.parametrize(("backend", "kept"), [("memu", 1), ("both", 2), ("local", 2)])
async def test_it_is_dropped_only_when_that_was_agreed_to(
    database: Database, refused: int, monkeypatch: pytest.MonkeyPatch, backend: str, kept: int
) -> None:
    monkeypatch.setenv("MEMORY_BACKEND", backend)
    monkeypatch.setenv("MEMU_API_KEY", "a-key")
    asked: list[tuple[list[int], bool]] = []

    def answer(yes: bool) -> Any:
        def agreed(rows: list[OutboxRow], keeps: bool) -> bool:
            asked.append(([row.id for row in rows], keeps))
            return yes

        return agreed

    assert await asyncio.to_thread(outbox.drop, None, None, answer(False)) is None
    assert await rows_in(database, "outbox", "memories") == [2, 2]
    assert await asyncio.to_thread(outbox.drop, None, None, answer(True)) == 1
    assert await rows_in(database, "outbox", "memories") == [1, kept]
    assert asked == [([refused], backend != "memu")] * 2
    assert await asyncio.to_thread(outbox.drop, None, None, answer(True)) == 0
    with pytest.raises(NotFound, match=f"no entry {refused}"):
        await asyncio.to_thread(outbox.drop, None, [refused], answer(True))
