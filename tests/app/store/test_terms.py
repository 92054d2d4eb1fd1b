"""Document frequencies: exact at any moment, whatever was folded, and of one user only."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Sequence
from contextlib import suppress
from itertools import count
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import Conflict
from app.memory.texts import content_hash
from app.memory.types import MemoryUpdate, Scope, Selection
from app.store import terms as terms_module
from app.store.change_log import PostgresChangeLog
from app.store.database import Database
from app.store.postgres import PostgresStore
from app.store.terms import COUNT_TERM
from tests.support.locks import until_a_session_waits_for_a_lock
from tests.support.rows import add_note, add_turns, piece

WORDS = ["red", "green", "blue", "apple", "pear", "plum"]
PROJECTS = [None, "p", "q"]
TERMS = {word: piece(word).analysis.terms[0] for word in WORDS}

_users = count()


async def recount(database: Database, user: str, projects: Sequence[str] | None) -> tuple[int, Counter[int]]:
    """Count anew from the live memories themselves."""
    async with database.as_service() as connection:
        rows = await connection.fetch(
            "select project, terms from memories where user_id = $1 and archived_at is null", user
        )
    wanted = [row["terms"] for row in rows if projects is None or row["project"] in projects]
    return len(wanted), Counter(term for terms in wanted for term in set(terms) if term in TERMS.values())


async def assert_exact(store: PostgresStore, scope: Scope) -> None:
    for projects in (None, ["p"], ["q", ""], []):
        counts = await store.corpus(scope, projects, list(TERMS.values()))
        memories, holding = await recount(store.db, scope.user, projects)
        assert counts.memories == memories
        assert {term: number for term, number in counts.holding.items() if number} == holding


step = st.one_of(
    st.tuples(st.just("add"), st.lists(st.sampled_from(WORDS), min_size=1, max_size=4), st.sampled_from(PROJECTS)),
    st.tuples(st.just("say"), st.lists(st.sampled_from(WORDS), min_size=1, max_size=3), st.just("talk")),
    st.tuples(st.just("retext"), st.integers(0, 50), st.lists(st.sampled_from(WORDS), min_size=1, max_size=4)),
    st.tuples(st.just("archive"), st.integers(0, 50), st.booleans()),
    st.tuples(st.just("move"), st.integers(0, 50), st.sampled_from(["", "p", "q"])),
    st.tuples(st.just("forget"), st.integers(0, 50), st.none()),
    st.tuples(st.just("fold"), st.none(), st.none()),
)


async def take(store: PostgresStore, scope: Scope, what: str, first: Any, second: Any) -> None:
    ids = sorted(await all_ids(store, scope))
    if what == "add":
        await add_note(store, scope, " ".join(first), project=second)
    elif what == "say":
        await add_turns(store, scope, second, *first)
    elif what == "fold":
        await store.fold_term_counts()
    elif not ids:
        return
    elif what == "forget":
        await store.forget(scope, Selection(ids=(ids[first % len(ids)],)), dry_run=False)
    elif what == "archive":
        await ignoring_conflicts(store.update(scope, ids[first % len(ids)], MemoryUpdate(archived=second), None, None))
    elif what == "retext":
        new = piece(" ".join(second))
        change = MemoryUpdate(text=new.text)
        await ignoring_conflicts(store.update(scope, ids[first % len(ids)], change, new, content_hash(str(new.id))))
    elif what == "move":
        async with store.db.as_service() as connection:
            await connection.execute(
                "update memories m set project = $2 where id = $1 and not exists"
                " (select from memories o where o.user_id = m.user_id and o.project = $2"
                " and o.content_hash = m.content_hash)",
                ids[first % len(ids)],
                second,
            )


async def ignoring_conflicts(call: Awaitable[Any]) -> None:
    with suppress(Conflict):
        await call


async def all_ids(store: PostgresStore, scope: Scope) -> list[UUID]:
    async with store.db.as_service() as connection:
        return [row["id"] for row in await connection.fetch("select id from memories where user_id = $1", scope.user)]


@settings(max_examples=25)
@given(steps=st.lists(step, min_size=1, max_size=12))
async def test_counts_equal_a_recount_after_any_writes_and_folds(store: PostgresStore, steps: list[Any]) -> None:
    scope = Scope(f"user {next(_users)}")
    for what, first, second in steps:
        await take(store, scope, what, first, second)
        await assert_exact(store, scope)


async def test_counts_are_exact_while_others_write_and_fold(store: PostgresStore, alice: Scope, bob: Scope) -> None:
    async def write() -> None:
        for number in range(15):
            await add_note(store, alice, f"red apple {number}", project="p")
            await add_turns(store, bob, "talk", f"red pear {number}")

    async def fold() -> None:
        for _ in range(25):
            await store.fold_term_counts()

    async def look() -> None:
        seen = 0
        for _ in range(25):
            counts = await store.corpus(alice, None, [TERMS["red"], TERMS["pear"]])
            assert counts.holding.get(TERMS["red"], 0) == counts.memories, "one moment, one count"
            assert TERMS["pear"] not in counts.holding, "another user's word"
            assert counts.memories >= seen
            seen = counts.memories

    await asyncio.gather(write(), fold(), fold(), look())

    await assert_exact(store, alice)
    await store.fold_term_counts()
    await assert_exact(store, alice)


async def test_folds_at_once_count_every_change_once(store: PostgresStore, alice: Scope) -> None:
    for number in range(10):
        await add_note(store, alice, f"red {number}")
        await asyncio.gather(*(store.fold_term_counts() for _ in range(3)))

    await assert_exact(store, alice)


async def test_a_fold_that_another_process_overtakes_is_no_error(
    store: PostgresStore, database: Database, connect_arguments: dict[str, Any], alice: Scope
) -> None:
    await add_note(store, alice, "red")
    another_process = Database(connect_arguments)
    await another_process.open()
    try:
        async with another_process.as_service() as other, other.transaction():
            await other.execute("update log_positions set xid = xid where name = 'term_counts'")
            overtaken = asyncio.create_task(store.fold_term_counts())
            await until_a_session_waits_for_a_lock(database)
        await overtaken
    finally:
        await another_process.close()

    await assert_exact(store, alice)


async def test_a_fold_leaves_changes_of_open_transactions_for_the_next_one(
    store: PostgresStore, database: Database, alice: Scope
) -> None:
    async with database.as_user("alice") as connection:
        late = connection.transaction()
        await late.start()
        await connection.execute("insert into conversations (user_id, id) values ('alice', 'talk')")
        await connection.execute(
            "insert into memories (id, user_id, kind, text, content_hash, whole_id, session_id, terms, words, asks,"
            " tells_time, analysis) select i, 'alice', 'note', 'red', '', i, i, $1, 1, false, false, 1"
            " from gen_random_uuid() as i",
            [TERMS["red"]],
        )
        await add_note(store, alice, "red early")
        await store.fold_term_counts()
        await late.commit()

    await assert_exact(store, alice)
    await store.fold_term_counts()
    await assert_exact(store, alice)
    assert (await store.corpus(alice, None, [TERMS["red"]])).holding == {TERMS["red"]: 2}


async def test_after_a_fold_the_log_is_not_needed_for_the_counts(
    store: PostgresStore, database: Database, alice: Scope
) -> None:
    await add_note(store, alice, "red apple")
    await store.fold_term_counts()
    async with database.as_service() as connection:
        await connection.execute("delete from changes")

    counts = await store.corpus(alice, None, [TERMS["red"], TERMS["pear"]])

    assert (counts.memories, counts.holding) == (1, {TERMS["red"]: 1})


async def test_the_term_that_counts_memories_is_no_words_term() -> None:
    assert COUNT_TERM not in {term for word in WORDS for term in piece(word).analysis.terms}


async def test_many_changes_are_folded_some_at_a_time_until_all_are(
    store: PostgresStore, log: PostgresChangeLog, alice: Scope, bob: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(terms_module, "_FOLD_AT_ONCE", 2)
    for word in WORDS:
        await add_note(store, alice, f"{word} apple")
        await add_note(store, bob, f"{word} pear")
    await add_turns(store, alice, "talk", *WORDS)  # one transaction
    horizon = await log.horizon()

    rounds = 0
    while await store._fold_some():
        rounds += 1
        await assert_exact(store, alice)
        await assert_exact(store, bob)

    assert rounds > 3
    async with store.db.as_service() as connection:
        positions = await connection.fetch(
            "select xid::text::bigint from log_positions where name in ('term_counts', 'usage')"
        )
        assert [row[0] >= horizon for row in positions] == [True, True]
    await assert_exact(store, alice)

    await add_note(store, alice, "plum pear red")
    await store.fold_term_counts()
    await assert_exact(store, alice)
