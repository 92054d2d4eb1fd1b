"""Rows of an earlier version are analysed again while searches go on, and what follows the log follows."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from app.index.follower import Follower
from app.memory.analysis import ANALYSIS_VERSION, analyse
from app.memory.ports import Domain
from app.memory.types import MemoryUpdate, Scope
from app.store.postgres import PostgresStore
from app.store.reanalysis import Reanalysis
from app.store.terms import COUNT_ALL
from tests.support.domain import converse, memorize, texts_for
from tests.support.rows import add_note, piece

# A text, and the words in which version 1 of the analysis read it.
EARLIER = {
    "openGardenGate opens it": "opengardengate opens",
    "Die Ge\xadmein\xadde tagt": "die ge mein de tagt",
    "L’usine d’Amiens": "lusine damiens",
    "قَرَأَ الكِتَابَ": "xq yk",
}


async def make_earlier(store: PostgresStore, texts: dict[str, str]) -> None:
    """Give rows the terms and the number of version 1, with all that follows from it, as an upgrade finds them."""
    async with store.db.as_service() as connection, connection.transaction():
        for text, words in texts.items():
            terms = list(analyse(words).terms)
            await connection.execute("update memories set terms = $2, analysis = 1 where text = $1", text, terms)


async def run(reanalysis: Reanalysis) -> None:
    async with asyncio.timeout(30):
        while await reanalysis.run():
            pass


async def rows(store: PostgresStore) -> list[Any]:
    async with store.db.as_service() as connection:
        return list(await connection.fetch("select * from memories order by id"))


async def counts(store: PostgresStore) -> list[tuple[Any, ...]]:
    async with store.db.as_service() as connection:
        found = await connection.fetch("select * from term_counts where memories <> 0 order by user_id, project, term")
    return [tuple(row) for row in found]


async def test_rows_get_the_terms_of_this_version_and_nothing_else_changes(store: PostgresStore, alice: Scope) -> None:
    for text in EARLIER:
        await add_note(store, alice, text, tags=("t",))
    before = await rows(store)
    await make_earlier(store, EARLIER)

    await run(Reanalysis(store.db, at_once=2, rest=0))

    assert await rows(store) == before
    assert {row["analysis"] for row in before} == {ANALYSIS_VERSION}


async def test_searches_find_what_they_found_before_and_then_more(
    domain: Domain, store: PostgresStore, alice: Scope
) -> None:
    for text in EARLIER:
        await memorize(domain, alice, text)
    await make_earlier(store, EARLIER)
    garden, gemeinde, usine, book = EARLIER

    assert await texts_for(domain, alice, "openGardenGate") == [garden]
    assert await texts_for(domain, alice, "l’usine") == [usine]
    assert await texts_for(domain, alice, "Ge\xadmein\xadde") == [gemeinde]
    assert await texts_for(domain, alice, "garden gate") == []

    await run(Reanalysis(store.db, rest=0))

    for query, text in [("garden gate", garden), ("Amiens", usine), ("Gemeinde", gemeinde), ("الكتاب", book)]:
        assert await texts_for(domain, alice, query) == [text]


async def test_counts_of_terms_and_the_index_are_those_of_rows_written_now(
    domain: Domain, follower: Follower, store: PostgresStore, alice: Scope
) -> None:
    await converse(domain, alice, list(EARLIER), conversation_id="talk")
    await store.fold_term_counts()
    now, found = await counts(store), [await texts_for(domain, alice, text) for text in EARLIER]
    await make_earlier(store, EARLIER)
    await store.fold_term_counts()
    assert await counts(store) != now

    await run(Reanalysis(store.db, rest=0))
    await store.fold_term_counts()

    assert await counts(store) == now
    assert [await texts_for(domain, alice, text) for text in EARLIER] == found
    async with store.db.as_service() as connection:
        for statement in COUNT_ALL:
            await connection.execute(statement)
    assert await counts(store) == now


async def test_a_row_whose_terms_stay_the_same_needs_no_entry_in_the_log(store: PostgresStore, alice: Scope) -> None:
    await add_note(store, alice, "plain words")
    await add_note(store, alice, "openGardenGate opens it")
    async with store.db.as_service() as connection:
        await connection.execute("update memories set analysis = 1")
    await make_earlier(store, EARLIER)
    async with store.db.as_service() as connection:
        before = await connection.fetchval("select count(*) from changes")

        await run(Reanalysis(store.db))

        assert await connection.fetchval("select count(*) from changes") == before + 1
        assert await connection.fetchval("select count(*) from memories where analysis < $1", ANALYSIS_VERSION) == 0


async def test_a_text_that_is_changed_meanwhile_keeps_the_terms_of_its_new_text(
    store: PostgresStore, alice: Scope
) -> None:
    ids = [await add_note(store, alice, f"text {number}") for number in range(40)]
    async with store.db.as_service() as connection:
        await connection.execute("update memories set analysis = 1")

    async def change() -> None:
        for id_ in ids:
            await store.update(alice, id_, MemoryUpdate(text=f"new {id_}"), piece(f"new {id_}"), id_.bytes)

    await asyncio.gather(run(Reanalysis(store.db, at_once=3, rest=0)), change())
    await run(Reanalysis(store.db))

    for row in await rows(store):
        assert row["analysis"] == ANALYSIS_VERSION
        assert Counter(row["terms"]) == Counter(analyse(f"new {row['id']}").terms)


async def test_a_row_that_someone_is_changing_has_another_turn(store: PostgresStore, alice: Scope) -> None:
    held = await add_note(store, alice, "held")
    await add_note(store, alice, "free")
    async with store.db.as_service() as connection:
        await connection.execute("update memories set analysis = 1")
        async with connection.transaction():
            await connection.execute("select from memories where id = $1 for update", held)
            async with asyncio.timeout(30):
                assert not await Reanalysis(store.db).run()
            waiting = await connection.fetchval("select array_agg(text) from memories where analysis = 1")

    await run(Reanalysis(store.db))

    assert waiting == ["held"]
    assert {row["analysis"] for row in await rows(store)} == {ANALYSIS_VERSION}


async def test_a_pass_that_was_interrupted_goes_on_where_it_was(store: PostgresStore, alice: Scope) -> None:
    for number in range(10):
        await add_note(store, alice, f"text {number}")
    async with store.db.as_service() as connection:
        await connection.execute("update memories set analysis = 1")

        assert await Reanalysis(store.db, at_once=3, long_s=0).run()
        assert await connection.fetchval("select count(*) from memories where analysis = 1") == 7

    await run(Reanalysis(store.db, at_once=3))
    assert {row["analysis"] for row in await rows(store)} == {ANALYSIS_VERSION}


@pytest.mark.parametrize("written", [1, ANALYSIS_VERSION])
async def test_the_partial_index_has_the_rows_of_earlier_versions(
    store: PostgresStore, alice: Scope, written: int
) -> None:
    """If this fails, ANALYSIS_VERSION was raised: a new schema file must make the index again, with the new number."""
    await add_note(store, alice, "text")
    async with store.db.as_service() as connection:
        await connection.execute("update memories set analysis = $1", written)
        await connection.execute("analyze memories")
        condition = await connection.fetchval(
            "select pg_get_expr(indpred, indrelid) from pg_index"
            " where indexrelid = 'memories_earlier_analysis'::regclass"
        )

    assert condition == f"(analysis < {ANALYSIS_VERSION})"
