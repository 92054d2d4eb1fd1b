"""How much waits in the outbox: of all, or of one user."""

from __future__ import annotations

from app.memory.types import OutboxDepth, Scope
from app.store.database import Database
from app.store.outbox_depth import outbox_depth
from tests.support.outbox import handing_over, outbox_of
from tests.support.rows import add_note


async def test_the_depth_is_of_all_or_of_one(database: Database, alice: Scope, bob: Scope) -> None:
    outbox, store = outbox_of(database), handing_over(database)
    await add_note(store, alice, "refused")
    [entry] = await outbox.due(10)
    await outbox.refuse(entry, "no")
    await add_note(store, alice, "waits")
    await add_note(store, bob, "his")

    of_all, hers = await outbox.depth(), await outbox.depth("alice")

    assert (of_all.waiting, of_all.refused) == (2, 1)
    assert (hers.waiting, hers.refused) == (1, 1)
    assert 0 < of_all.oldest_s <= hers.oldest_s, "of the same entry, a moment later"


async def test_without_entries_nothing_waits(database: Database) -> None:
    assert await outbox_depth(database) == OutboxDepth(waiting=0, oldest_s=0.0, refused=0)
