"""What is kept of a memory that another service alone has."""

from __future__ import annotations

import hashlib

import pytest

from app.memory.types import Scope
from app.store.database import Database
from app.store.receipts import receipts_of
from app.store.rows import new_id
from tests.support.outbox import deliver_all, handing_over, outbox_of
from tests.support.rows import add_turns, note, turn


@pytest.fixture
async def delivered(database: Database, alice: Scope) -> dict[str, object]:
    """A note of alice's that was delivered."""
    memory = note("tea", project="home")
    await handing_over(database).add(alice, memory)
    await deliver_all(outbox_of(database))
    return {"id": memory.pieces[0].id, "hash": memory.content_hash}


async def test_a_memory_is_known_by_its_content_and_by_its_id(database: Database, delivered: dict[str, object]) -> None:
    id_, hash_ = delivered["id"], delivered["hash"]
    other = new_id()

    async def found(user: str, *memory: object) -> object:
        async with database.as_user(user) as connection:
            return await receipts_of(connection, user, [memory])  # type: ignore[list-item]

    assert await found("alice", other, "home", hash_) == {other: id_}
    assert await found("alice", id_, "elsewhere", b"changed since") == {id_: id_}
    assert await found("alice", other, "", hash_) == {}
    assert await found("bob", other, "home", hash_) == {}
    async with database.as_user("alice") as connection:
        assert await receipts_of(connection, "alice", []) == {}


async def test_a_receipt_holds_no_text(database: Database, alice: Scope) -> None:
    store = handing_over(database)
    await add_turns(store, alice, "talk", turn("a secret plan", id="7"), "another secret plan")
    await deliver_all(outbox_of(database))

    async with database.as_service() as connection:
        rows = await connection.fetch("select receipts::text as whole, * from receipts order by position")
    assert [(row["message_id"], row["position"], row["bytes"]) for row in rows] == [("7", 0, 13), (None, 1, 19)]
    assert not any("secret" in row["whole"] for row in rows)
    assert {len(row["content_hash"]) for row in rows} == {hashlib.sha256().digest_size}
