"""Inserting many rows: each keeps what is its own, in order, and a quota holds for all of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta, timezone
from typing import Any

import pytest

from app.errors import QuotaExceeded
from app.memory.types import Kind, Scope
from app.store import inserting
from app.store.inserting import Row, Shared, insert
from app.store.postgres import PostgresStore
from app.store.rows import new_id
from tests.support.domain import NOON
from tests.support.rows import piece

SHARED = Shared(
    user="alice",
    agent="claude",
    project="p",
    kind=Kind.FACT,
    tags=("one", "two"),
    metadata={"a": [1]},
    expires_at=NOON + timedelta(days=36_000),
)


def row(text: str, position: int = 0, **more: Any) -> Row:
    one = piece(text)
    given: dict[str, Any] = {
        "content_hash": text.encode(),
        "whole_id": one.id,
        "part": 0,
        "session_id": new_id(),
    }
    return Row(piece=one, position=position, **(given | more))


async def stored(store: PostgresStore, scope: Scope, rows: list[Row]) -> list[Any]:
    """Insert rows and return them as they are stored, in order of position."""
    async with store.db.as_user(scope.user) as connection, connection.transaction():
        await insert(connection, SHARED, rows)
    async with store.db.as_service() as connection:
        return list(await connection.fetch("select * from memories order by position"))


async def test_each_row_has_what_is_shared_and_what_is_its_own(store: PostgresStore, alice: Scope) -> None:
    at = NOON.astimezone(timezone(timedelta(hours=5, minutes=30)))
    given = row("Ben bought 3 pears yesterday, I think?", message_id="m", role="user", name="Ben", occurred_at=at)
    given = replace(given, created_at=NOON)

    [found] = await stored(store, alice, [given])

    assert {name: found[name] for name in ("user_id", "agent_id", "project", "kind", "tags", "metadata")} == {
        "user_id": "alice",
        "agent_id": "claude",
        "project": "p",
        "kind": "fact",
        "tags": ["one", "two"],
        "metadata": {"a": [1]},
    }
    assert {name: found[name] for name in ("message_id", "role", "name", "part", "position", "created_at")} == {
        "message_id": "m",
        "role": "user",
        "name": "Ben",
        "part": 0,
        "position": 0,
        "created_at": NOON,
    }
    assert (found["id"], found["whole_id"], found["session_id"]) == (
        given.piece.id,
        given.whole_id,
        given.session_id,
    )
    assert (found["occurred_at"], found["occurred_offset"]) == (at, 330)
    assert (found["text"], found["content_hash"]) == (given.piece.text, given.content_hash)
    analysis = given.piece.analysis
    assert found["terms"] == list(analysis.terms)
    assert {name: found[name] for name in ("words", "asks", "tells_time", "tells_number", "first_person")} == {
        name: getattr(analysis, name) for name in ("words", "asks", "tells_time", "tells_number", "first_person")
    }


async def test_every_row_keeps_its_own_terms_also_none(store: PostgresStore, alice: Scope) -> None:
    texts = ["the", "apple pear apple", "of it", "plum", "a"]
    rows = [row(text, position) for position, text in enumerate(texts)]

    found = await stored(store, alice, rows)

    assert [one["terms"] for one in found] == [list(one.piece.analysis.terms) for one in rows]
    assert found[0]["terms"] == []


async def test_more_rows_than_one_statement_takes_are_all_there_in_order(
    store: PostgresStore, alice: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inserting, "_ROWS", 3)
    monkeypatch.setattr(inserting, "_CHARACTERS", 30)
    texts = [f"text {number}" for number in range(7)] + ["x" * 40, "y" * 40, "z"]
    rows = [row(text, position) for position, text in enumerate(texts)]

    found = await stored(store, alice, rows)
    async with store.db.as_service() as connection:
        logged = [one["memory_id"] for one in await connection.fetch("select memory_id from changes order by seq")]

    assert [one["text"] for one in found] == texts
    assert logged == [one.piece.id for one in rows]


def test_a_statement_has_few_rows_and_ends_after_a_long_text() -> None:
    rows = [row("x" * 150_000), row("x" * 150_000), *(row(f"{number}") for number in range(450))]

    sizes = [len(some) for some in inserting._statements(rows)]

    assert sizes == [2, 200, 200, 50]
    assert list(inserting._statements([])) == []


async def test_a_quota_refuses_all_rows_of_a_transaction_that_goes_over_it(store: PostgresStore, alice: Scope) -> None:
    async with store.db.as_service() as connection:
        await connection.execute("insert into quotas (user_id, memories) values ('alice', 300)")
    rows = [row(f"text {number}", number) for number in range(301)]

    with pytest.raises(QuotaExceeded):
        await stored(store, alice, rows)

    assert len(await stored(store, alice, rows[:300])) == 300
