"""Rows as the domain's types, filters as SQL, ids."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.memory.types import Filter, Kind, Scope
from app.store.database import Database
from app.store.postgres import PostgresStore
from app.store.rows import MEMORY_COLUMNS, conditions, new_id, to_memory
from tests.support.rows import add_note, add_turns, turn

TOMORROW = datetime.now(UTC) + timedelta(days=1)


async def test_a_row_is_the_memory_that_was_stored(store: PostgresStore, database: Database, alice: Scope) -> None:
    id_ = await add_note(store, alice, "text", kind=Kind.FACT, project="p", tags=("b", "a"), metadata={"x": [1]})

    async with database.as_service() as connection:
        memory = to_memory(await connection.fetchrow(f"select {MEMORY_COLUMNS} from memories"), UTC)

    assert (memory.id, memory.text, memory.kind, memory.project) == (id_, "text", Kind.FACT, "p")
    assert (memory.tags, memory.metadata, memory.position) == (("b", "a"), {"x": [1]}, None)


@pytest.mark.parametrize(
    ("where", "found"),
    [
        pytest.param(Filter(), {"a fact", "in p", "said"}, id="everything"),
        pytest.param(Filter(projects=("p", "q")), {"in p"}, id="projects"),
        pytest.param(Filter(kinds=(Kind.FACT, Kind.TURN)), {"a fact", "said"}, id="kinds"),
        pytest.param(Filter(tags=("x", "y")), {"in p"}, id="all tags"),
        pytest.param(Filter(tags=("x", "z")), set(), id="a tag it does not have"),
        pytest.param(Filter(role="assistant"), {"said"}, id="role"),
        pytest.param(Filter(conversation_id="c"), {"said"}, id="conversation"),
        pytest.param(Filter(since=TOMORROW), set(), id="since"),
        pytest.param(Filter(until=TOMORROW, kinds=(Kind.NOTE,)), {"in p"}, id="until and kind"),
    ],
)
async def test_a_filter_finds_what_all_of_it_holds_for(
    store: PostgresStore, database: Database, alice: Scope, bob: Scope, where: Filter, found: set[str]
) -> None:
    await add_note(store, alice, "a fact", kind=Kind.FACT)
    await add_note(store, alice, "in p", project="p", tags=("y", "x"))
    await add_turns(store, alice, "c", turn("said", role="assistant"))
    await add_note(store, bob, "bob's")

    sql, arguments = conditions("alice", where, 2)
    async with database.as_service() as connection:
        rows = await connection.fetch(f"select text from memories where {sql} and $1", True, *arguments)

    assert {row["text"] for row in rows} == found


def test_ids_are_uuids_of_version_7_in_the_order_of_their_making() -> None:
    ids = [new_id() for _ in range(100)]

    assert len(set(ids)) == 100
    assert {id_.version for id_ in ids} == {7}
    times = [id_.int >> 80 for id_ in ids]
    assert times == sorted(times)
