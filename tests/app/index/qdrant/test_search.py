"""The index on a server: a search sees every write answered before it began, whatever the feeder and Qdrant do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qdrant_client import AsyncQdrantClient

from app.errors import IndexUnavailable
from app.index.embedded.engine import EmbeddedEngine
from app.index.follower import Follower
from app.index.qdrant.search import QdrantIndex, SearchLimits
from app.memory.ports import CandidateQuery, Domain, SearchIndex
from app.memory.types import Filter, Scope
from app.settings.fields import Settings
from app.store.change_log import PostgresChangeLog
from app.store.collections import PostgresCollections
from app.store.database import Database
from app.store.postgres import PostgresStore
from app.store.users import Users
from tests.support.domain import change, converse, domain_on, erase, look_for, memorize, texts_for
from tests.support.qdrant import QUICK_SEARCH, Line, answering, delete_all, fed, feeding, level, live_collection
from tests.support.rows import piece
from tests.support.waiting import until

_numbers = count()


@pytest.fixture
def limits(request: pytest.FixtureRequest) -> SearchLimits:
    """The limits of the index; `limited` sets others."""
    return replace(QUICK_SEARCH, **getattr(request, "param", {}))


def limited(**limits: float) -> pytest.MarkDecorator:
    """Run a test on an index with these limits."""
    return pytest.mark.parametrize("limits", [limits], ids=[""], indirect=True)


@pytest.fixture
async def index(database: Database, qdrant_settings: Settings, limits: SearchLimits) -> AsyncIterator[QdrantIndex]:
    """The index of a replica, on a collection that was filled when the database was empty and is not fed any more."""
    async with feeding(database, qdrant_settings) as feeder:
        await fed(feeder)
    async with answering(database, qdrant_settings, limits=limits) as index:
        yield index


@pytest.fixture
def domain(store: PostgresStore, index: QdrantIndex) -> Domain:
    return domain_on(store, index)


async def points_in(settings: Settings, count: int) -> bool:
    """Tell whether the collection that answers holds so many points."""
    client = AsyncQdrantClient(url=settings.qdrant_url, timeout=60, check_compatibility=False)
    try:
        return (await client.count(settings.qdrant_collection)).count == count
    finally:
        await client.close()


class TestFreshness:
    async def test_what_nobody_fed_yet_is_found(self, domain: Domain, alice: Scope) -> None:
        await memorize(domain, alice, "apple pie")
        await converse(domain, alice, ["an apple", "a pear"], conversation_id="talk")

        assert set(await texts_for(domain, alice, "apple")) == {"apple pie", "an apple", "a pear"}

    async def test_what_the_collection_has_is_found_with_what_it_does_not_have_yet(
        self, domain: Domain, database: Database, qdrant_settings: Settings, alice: Scope
    ) -> None:
        await memorize(domain, alice, "apple pie")
        await converse(domain, alice, ["one apple", "two plums"], conversation_id="talk")
        async with feeding(database, qdrant_settings) as feeder:
            await fed(feeder)
            await until(lambda: level(database), "all is fed")
        await converse(domain, alice, ["three figs"], conversation_id="talk")
        await memorize(domain, alice, "apple cake")

        assert set(await texts_for(domain, alice, "apple")) == {
            "apple pie",
            "apple cake",
            "one apple",
            "two plums",
            "three figs",
        }

    async def test_what_was_changed_since_is_found_as_it_is_now(
        self, domain: Domain, database: Database, qdrant_settings: Settings, alice: Scope
    ) -> None:
        gone = await memorize(domain, alice, "apple pie")
        changed = await memorize(domain, alice, "apple cake")
        archived = await memorize(domain, alice, "apple tart")
        async with feeding(database, qdrant_settings) as feeder:
            await fed(feeder)
            await until(lambda: level(database), "all is fed")
        await erase(domain, alice, ids=[gone])
        await change(domain, alice, changed, text="pear cake")
        await change(domain, alice, archived, archived=True)

        assert await texts_for(domain, alice, "apple") == []
        assert await texts_for(domain, alice, "pear") == ["pear cake"]

    async def test_a_deleted_users_points_leave_the_collection(
        self,
        index: QdrantIndex,
        domain: Domain,
        database: Database,
        qdrant_settings: Settings,
        alice: Scope,
        bob: Scope,
    ) -> None:
        for scope in (alice, bob):
            await memorize(domain, scope, "apple pie")
        async with feeding(database, qdrant_settings) as feeder:
            await fed(feeder)
            await until(lambda: level(database), "all is fed")
            assert await index.count() == 2
            await Users(database).delete(alice.user)
            await until(lambda: level(database), "all is fed")

            assert await index.count() == 1
        assert await texts_for(domain, bob, "apple") == ["apple pie"]

    async def test_every_write_is_found_while_the_feeder_works(
        self, domain: Domain, database: Database, qdrant_settings: Settings, alice: Scope
    ) -> None:
        async with feeding(database, qdrant_settings):

            async def write(writer: int) -> None:
                for number in range(8):
                    word = f"word{writer}x{number}"
                    if number % 2:
                        await memorize(domain, alice, f"a note about {word}")
                    else:
                        await converse(domain, alice, [f"a message about {word}"], conversation_id=f"talk {writer}")
                    assert any(word in text for text in await texts_for(domain, alice, word)), word

            await asyncio.gather(*map(write, range(5)))

    async def test_a_write_that_commits_after_later_ones_is_found_and_fed(
        self, domain: Domain, database: Database, qdrant_settings: Settings, alice: Scope
    ) -> None:
        async with feeding(database, qdrant_settings) as feeder:
            await fed(feeder)
            async with database.as_user("alice") as connection:
                transaction = connection.transaction()
                await transaction.start()
                await connection.execute(
                    "insert into memories (id, user_id, kind, text, content_hash, whole_id, session_id, terms, words,"
                    " asks, tells_time, analysis) select i, 'alice', 'note', 'belated', 'x', i, i, $1, 1, false, false,"
                    " 1 from gen_random_uuid() as i",
                    list(piece("belated").analysis.terms),
                )
                await memorize(domain, alice, "punctual")
                await until(lambda: points_in(qdrant_settings, 1), "the later one is fed")
                assert await texts_for(domain, alice, "punctual belated") == ["punctual"]
                await transaction.commit()
            assert set(await texts_for(domain, alice, "punctual belated")) == {"punctual", "belated"}
            await until(lambda: points_in(qdrant_settings, 2), "the earlier one is fed too")

    @limited(changes=5, patience_s=0.0)
    async def test_another_users_changes_are_neither_found_nor_counted(
        self, domain: Domain, alice: Scope, bob: Scope
    ) -> None:
        for number in range(10):
            await memorize(domain, bob, f"apple {number}")
        await memorize(domain, alice, "apple of alice")

        assert await texts_for(domain, alice, "apple") == ["apple of alice"]
        assert (await look_for(domain, bob, "apple")).degraded, "ten are too many to make up for"

    @limited(changes=5, patience_s=20.0)
    async def test_too_many_changes_wait_for_the_feeder(
        self, domain: Domain, database: Database, qdrant_settings: Settings, alice: Scope
    ) -> None:
        for number in range(10):
            await memorize(domain, alice, f"apple {number}")
        search = asyncio.create_task(texts_for(domain, alice, "apple"))
        async with feeding(database, qdrant_settings):
            assert len(await search) == 10

    @limited(changes=5, patience_s=0.0)
    async def test_an_open_transaction_makes_no_search_score_what_was_fed(
        self, domain: Domain, database: Database, qdrant_settings: Settings, alice: Scope
    ) -> None:
        async with database.as_user("bob") as connection, connection.transaction():
            await connection.execute("insert into conversations (user_id, id) values ('bob', 'open')")
            for number in range(10):
                await memorize(domain, alice, f"apple {number}")
            async with feeding(database, qdrant_settings) as feeder:
                await fed(feeder)
                await until(lambda: level(database), "all is fed")
            assert len(await texts_for(domain, alice, "apple")) == 10

    @limited(members=5)
    async def test_too_large_sessions_are_left_to_the_store(self, domain: Domain, alice: Scope) -> None:
        await converse(domain, alice, [f"apple {number}" for number in range(10)], conversation_id="talk")

        assert (await look_for(domain, alice, "apple")).degraded

    async def test_a_log_pruned_above_the_position_is_not_relied_on(
        self, domain: Domain, database: Database, alice: Scope
    ) -> None:
        await memorize(domain, alice, "apple")
        async with database.as_service() as connection:
            await connection.execute(
                "update log_positions set xid = pg_current_xact_id() where name = 'pruned'",
            )

        assert (await look_for(domain, alice, "apple")).degraded


WORDS = ["red", "green", "blue", "apple", "pear", "plum", "fig", "oak"]
step = st.one_of(
    st.tuples(st.just("say"), st.lists(st.sampled_from(WORDS), min_size=1, max_size=5)),
    st.tuples(st.just("note"), st.lists(st.sampled_from(WORDS), min_size=1, max_size=3)),
    st.tuples(st.just("forget"), st.integers(0, 20)),
    st.tuples(st.just("archive"), st.integers(0, 20)),
    st.tuples(st.just("change"), st.integers(0, 20)),
    st.tuples(st.just("feed"), st.none()),
)


@settings(max_examples=8)
@given(steps=st.lists(step, min_size=3, max_size=14))
async def test_a_view_says_what_an_index_built_anew_says(
    domain: Domain,
    index: QdrantIndex,
    log: PostgresChangeLog,
    database: Database,
    qdrant_settings: Settings,
    run_folder: Path,
    steps: list[Any],
) -> None:
    scope = Scope(f"user {next(_numbers)}")
    for what, value in steps:
        await take(domain, scope, what, value, database, qdrant_settings)

    anew = Follower(
        log, lambda id_, space: EmbeddedEngine.open(run_folder / f"beside-remote-{next(_numbers)}", id_, space)
    )
    await anew.start()
    try:
        await anew.wait_filled(10)
        assert await picture(index, scope) == await picture(anew, scope)
    finally:
        await anew.stop()


async def take(
    domain: Domain, scope: Scope, what: str, value: Any, database: Database, qdrant_settings: Settings
) -> None:
    if what == "say":
        await converse(domain, scope, value, conversation_id=scope.user)
    elif what == "note":
        await memorize(domain, scope, " ".join(value))
    elif what == "feed":
        async with feeding(database, qdrant_settings) as feeder:
            await fed(feeder)
            await until(lambda: level(database), "all is fed")
    else:
        async with database.as_user(scope.user) as connection:
            ids = [row["id"] for row in await connection.fetch("select id from memories order by id")]
        if not ids:
            return
        id_ = ids[value % len(ids)]
        if what == "forget":
            await erase(domain, scope, ids=[id_])
        elif what == "change":
            await change(domain, scope, id_, text=f"{WORDS[value % len(WORDS)]} {next(_numbers)}")
        else:
            await change(domain, scope, id_, archived=True)


async def picture(index: SearchIndex, scope: Scope) -> dict[str, Any]:
    """Return what the index says of each word: the window scores."""
    view = await index.view(scope.user)
    seen = {}
    for word in WORDS:
        weights = dict.fromkeys(piece(word).analysis.terms, 1.0)
        query = CandidateQuery(user=scope.user, weights=weights, where=Filter(), limit=1_000)
        seen[word] = {one.id: round(one.window_score, 4) for one in await view.candidates(query)}
    return seen


@pytest.fixture
async def line(qdrant_url: str) -> AsyncIterator[Line]:
    """A line to the server that can be cut."""
    address = urlsplit(qdrant_url)
    assert address.hostname is not None
    assert address.port is not None
    line = Line(address.hostname, address.port)
    await line.start()
    yield line
    await line.cut()


class TestAway:
    @pytest.fixture
    async def index(
        self, database: Database, qdrant_settings: Settings, line: Line, limits: SearchLimits
    ) -> AsyncIterator[QdrantIndex]:
        """An index whose server is at the other end of the line."""
        async with feeding(database, qdrant_settings) as feeder:
            await fed(feeder)
        through = qdrant_settings.model_copy(update={"qdrant_url": f"http://127.0.0.1:{line.port}"})
        async with answering(database, through, limits=limits) as index:
            yield index

    async def test_searches_go_on_degraded_while_it_is_away_and_use_it_when_back(
        self, domain: Domain, index: QdrantIndex, line: Line, alice: Scope
    ) -> None:
        await memorize(domain, alice, "apple")
        assert await texts_for(domain, alice, "apple") == ["apple"]
        await line.cut()

        for _ in range(3):
            found = await look_for(domain, alice, "apple")
            assert ([one.memory.text for one in found.results], found.degraded) == (["apple"], True)
        assert "Qdrant does not answer" in (index.problem or "")

        await line.start()
        await until(lambda: index.problem is None, "it answers again")
        assert await texts_for(domain, alice, "apple") == ["apple"]

    @limited(answer_s=0.1)
    async def test_only_the_first_search_waits_for_a_server_that_hangs(
        self, domain: Domain, index: QdrantIndex, line: Line, alice: Scope, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await memorize(domain, alice, "apple")
        line.freeze()
        assert (await look_for(domain, alice, "apple")).degraded
        assert "did not answer" in (index.problem or "")

        def asked(*arguments: object) -> NoReturn:
            raise AssertionError("it was asked again")

        with monkeypatch.context() as patch:
            patch.setattr(index._collections, "seen_by", asked)
            assert (await look_for(domain, alice, "apple")).degraded
        line.thaw()
        await until(lambda: index.problem is None, "it answers again")
        assert await texts_for(domain, alice, "apple") == ["apple"]

    async def test_a_server_that_is_away_at_the_start_is_used_when_it_comes(
        self, store: PostgresStore, database: Database, qdrant_settings: Settings, line: Line, alice: Scope
    ) -> None:
        async with feeding(database, qdrant_settings) as feeder:
            await fed(feeder)
        await line.cut()
        through = qdrant_settings.model_copy(update={"qdrant_url": f"http://127.0.0.1:{line.port}"})
        async with answering(database, through) as index:
            domain = domain_on(store, index)
            await memorize(domain, alice, "apple")
            assert (await look_for(domain, alice, "apple")).degraded
            await line.start()
            await until(lambda: index.problem is None, "it answers")
            assert await texts_for(domain, alice, "apple") == ["apple"]

    async def test_a_connection_that_the_server_closed_meanwhile_is_no_trouble(
        self, domain: Domain, line: Line, alice: Scope
    ) -> None:
        await memorize(domain, alice, "apple")
        assert await texts_for(domain, alice, "apple") == ["apple"]
        await line.cut()
        await line.start()

        assert await texts_for(domain, alice, "apple") == ["apple"]

    async def test_when_a_node_is_away_the_next_is_asked(
        self,
        store: PostgresStore,
        database: Database,
        qdrant_settings: Settings,
        qdrant_url: str,
        line: Line,
        alice: Scope,
    ) -> None:
        async with feeding(database, qdrant_settings) as feeder:
            await fed(feeder)
        both = qdrant_settings.model_copy(update={"qdrant_url": f"http://127.0.0.1:{line.port},{qdrant_url}"})
        async with answering(database, both) as index:
            domain = domain_on(store, index)
            await memorize(domain, alice, "apple")
            await line.cut()

            found = await look_for(domain, alice, "apple")
            assert ([one.memory.text for one in found.results], found.degraded) == (["apple"], False)

    async def test_without_a_collection_the_store_answers_and_the_way_out_is_told(
        self, domain: Domain, index: QdrantIndex, database: Database, alice: Scope
    ) -> None:
        await PostgresCollections(database).retire((await live_collection(database)).name)
        await memorize(domain, alice, "apple")

        assert (await look_for(domain, alice, "apple")).degraded
        assert "claude-memory worker" in (index.problem or "")

    async def test_a_collection_lost_on_the_server_is_done_without(
        self, domain: Domain, index: QdrantIndex, qdrant_url: str, qdrant_settings: Settings, alice: Scope
    ) -> None:
        await delete_all(qdrant_url, qdrant_settings.qdrant_collection)
        await memorize(domain, alice, "apple")
        await look_for(domain, alice, "apple")

        assert (await look_for(domain, alice, "apple")).degraded
        assert "doesn't exist" in (index.problem or "")

    async def test_a_closed_index_says_so(self, index: QdrantIndex) -> None:
        await index.stop()
        await index.stop()

        with pytest.raises(IndexUnavailable, match="it is closed"):
            await index.view("alice")
