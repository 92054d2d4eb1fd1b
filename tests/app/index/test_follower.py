"""The follower: a search finds what was answered before it began, whatever happened to the index."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from itertools import count, groupby
from pathlib import Path
from typing import Any, NoReturn
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import IndexUnavailable, StoreUnavailable
from app.index import backlog, reading
from app.index import follower as follower_module
from app.index.embedded.engine import EmbeddedEngine
from app.index.embedded.saving import save
from app.index.engine import Deleted, EngineAway, Point
from app.index.follower import Follower
from app.index.writer import write_sessions
from app.memory.analysis import analyse
from app.memory.change_log import Batch, Space
from app.memory.ports import CandidateQuery, Domain
from app.memory.types import Candidate, Filter, Scope
from app.memory.vectors import pack
from app.store import change_log as changes
from app.store.change_log import PostgresChangeLog
from app.store.database import Database
from app.store.embeddings import Embeddings
from app.store.postgres import PostgresStore
from tests.support.damage import spoil
from tests.support.domain import change, converse, domain_on, erase, look_for, memorize, texts_for
from tests.support.rows import add_note, piece
from tests.support.vectors import bag_of_words, kept
from tests.support.waiting import until

_numbers = count()


def follower_on(
    log: PostgresChangeLog, folder: Path, engine: type[EmbeddedEngine] = EmbeddedEngine, **times: Any
) -> Follower:
    """Return a follower, not started, that tries again at once after a failure, or when it has nothing to do."""
    return Follower(log, lambda database, space: engine.open(folder, database, space), idle_s=0.01, **times)


@asynccontextmanager
async def following(
    log: PostgresChangeLog, folder: Path, engine: type[EmbeddedEngine] = EmbeddedEngine, **times: Any
) -> AsyncIterator[Follower]:
    """Run a follower on a folder."""
    follower = follower_on(log, folder, engine, **times)
    await follower.start()
    try:
        yield follower
    finally:
        await follower.stop()


@pytest.fixture
async def follower(log: PostgresChangeLog, index_folder: Path) -> AsyncIterator[Follower]:
    """A running follower, filled."""
    async with following(log, index_folder) as follower:
        await follower.wait_filled(10)
        yield follower


async def crash(follower: Follower) -> None:
    """Leave everything as a killed process does: nothing is saved any more, the lock is free."""
    assert follower._task is not None
    follower._task.cancel()
    await asyncio.gather(follower._task, return_exceptions=True)
    follower._task = None
    await follower._end_checkpoint()
    engine, follower._engine = follower._engine, None
    assert engine is not None
    await engine.close()


async def is_level(follower: Follower) -> bool:
    """Whether all that is written so far is applied; not while the index is being rebuilt."""
    try:
        await follower.catch_up()
    except IndexUnavailable:
        return False
    return True


def followed(domain: Domain) -> Follower:
    """Return what a domain searches with."""
    assert isinstance(domain.index, Follower)
    return domain.index


def database_of(domain: Domain) -> Database:
    """Return where a domain stores."""
    assert isinstance(domain.store, PostgresStore)
    return domain.store.db


async def healthy(follower: Follower) -> None:
    await until(lambda: follower.problem is None, "the index can answer")


class TestFreshness:
    @pytest.mark.parametrize("page", [None, 2])
    async def test_a_search_finds_every_write_answered_before_it_began(
        self, domain: Domain, alice: Scope, monkeypatch: pytest.MonkeyPatch, page: int | None
    ) -> None:
        answered: list[str] = []
        if page is not None:
            monkeypatch.setattr(changes, "_PAGE_CHANGES", page)
            monkeypatch.setattr(reading, "_BACKLOG_LIMIT", page)

        async def write(writer: int) -> None:
            for number in range(10):
                word = f"word{writer}x{number}"
                if number % 2:
                    await memorize(domain, alice, f"a note about {word}")
                else:
                    await converse(domain, alice, [f"a message about {word}"], conversation_id=f"talk {writer}")
                answered.append(word)

        async def look(seed: int) -> None:
            choose = random.Random(seed)
            for _ in range(12):
                await until(lambda: bool(answered), "something was written")
                word = choose.choice(answered)
                found = await texts_for(domain, alice, word)
                assert any(word in text for text in found), f"{word} was answered before the search began"

        await asyncio.gather(*map(write, range(6)), *map(look, range(4)))

        for word in answered:
            assert any(word in text for text in await texts_for(domain, alice, word))

    async def test_what_another_process_wrote_is_found_too(
        self, domain: Domain, connect_arguments: dict[str, Any], alice: Scope
    ) -> None:
        database = Database(connect_arguments)
        await database.open()
        try:
            for number in range(5):
                await add_note(PostgresStore(database), alice, f"other process {number}")
                assert await texts_for(domain, alice, f"process {number}", limit=1) == [f"other process {number}"]
        finally:
            await database.close()

    async def test_two_followers_each_see_the_others_writes(
        self, domain: Domain, connect_arguments: dict[str, Any], run_folder: Path, alice: Scope
    ) -> None:
        database = Database(connect_arguments)
        await database.open()
        folder = run_folder / "second-index"
        try:
            async with following(PostgresChangeLog(database), folder) as second:
                await second.wait_filled(10)
                others = domain_on(PostgresStore(database), second)
                for number in range(5):
                    await memorize(domain, alice, f"here {number}")
                    await memorize(others, alice, f"there {number}")
                    assert await texts_for(others, alice, f"here {number}", limit=1) == [f"here {number}"]
                    assert await texts_for(domain, alice, f"there {number}", limit=1) == [f"there {number}"]
        finally:
            await database.close()

    async def test_a_write_that_commits_after_later_ones_is_found(
        self, domain: Domain, database: Database, alice: Scope
    ) -> None:
        word = "belated"
        async with database.as_user("alice") as connection:
            transaction = connection.transaction()
            await transaction.start()
            await connection.execute(
                "insert into memories (id, user_id, kind, text, content_hash, whole_id, session_id, terms, words, asks,"
                " tells_time, analysis) select i, 'alice', 'note', $1, 'x', i, i, $2, 1, false, false, 1"
                " from gen_random_uuid() as i",
                word,
                list(piece(word).analysis.terms),
            )
            await memorize(domain, alice, "punctual")
            assert await texts_for(domain, alice, "punctual belated") == ["punctual"]
            await transaction.commit()

        assert set(await texts_for(domain, alice, "punctual belated")) == {"punctual", "belated"}

    async def test_a_search_that_begins_while_the_log_is_read_waits_for_the_next_reading(
        self, domain: Domain, log: PostgresChangeLog, alice: Scope, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        was_read, go_on, read = asyncio.Event(), asyncio.Event(), log.read

        async def read_slowly(*since: Any) -> Batch:
            batch = await read(*since)
            was_read.set()
            await go_on.wait()
            return batch

        monkeypatch.setattr(log, "read", read_slowly)
        followed(domain).wake()
        await was_read.wait()
        await memorize(domain, alice, "written after the reading")
        search = asyncio.create_task(texts_for(domain, alice, "reading"))
        await until(lambda: followed(domain)._reader.anyone_waits, "the search waits")
        go_on.set()

        assert await search == ["written after the reading"]

    async def test_nobody_waits_for_a_large_write_of_another_user(
        self, domain: Domain, follower: Follower, alice: Scope, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        bob, turns, reached = Scope("bob"), asyncio.Semaphore(0), asyncio.Event()

        async def write_in_turn(*arguments: Any) -> int:
            if any(members[0].user == "bob" for members in arguments[2].values()):
                reached.set()
                await turns.acquire()
            return await write_sessions(*arguments)

        monkeypatch.setattr(backlog, "_TOGETHER", 5)
        monkeypatch.setattr(follower_module, "_POSITIONS_AT_ONCE", 5)
        monkeypatch.setattr(follower_module, "write_sessions", write_in_turn)
        await converse(domain, bob, [f"a pear {number}" for number in range(20)], conversation_id="talk")
        await memorize(domain, alice, "an apple")
        own = asyncio.create_task(texts_for(domain, bob, "pear"))
        await reached.wait()
        theirs = asyncio.create_task(texts_for(domain, alice, "apple"))
        await asyncio.sleep(0.05)
        turns.release()

        assert await theirs == ["an apple"]
        assert not own.done()
        for _ in range(4):
            turns.release()
        assert len(await own) == 10

    async def test_nobody_waits_for_pages_of_another_users_transaction(
        self, domain: Domain, follower: Follower, alice: Scope, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        turns, reached = asyncio.Semaphore(0), asyncio.Event()

        async def write_in_turn(*arguments: Any) -> int:
            if any(members[0].user == "bob" for members in arguments[2].values()):
                reached.set()
                await turns.acquire()
            return await write_sessions(*arguments)

        monkeypatch.setattr(changes, "_PAGE_CHANGES", 10)
        monkeypatch.setattr(reading, "_BACKLOG_LIMIT", 10)
        monkeypatch.setattr(backlog, "_TOGETHER", 5)
        monkeypatch.setattr(follower_module, "_POSITIONS_AT_ONCE", 5)
        monkeypatch.setattr(follower_module, "write_sessions", write_in_turn)
        await converse(domain, Scope("bob"), [f"a pear {number}" for number in range(40)], conversation_id="talk")
        own = asyncio.create_task(texts_for(domain, Scope("bob"), "pear", limit=100))
        await reached.wait()
        await memorize(domain, alice, "an apple")
        theirs = asyncio.create_task(texts_for(domain, alice, "apple"))
        await asyncio.sleep(0.05)
        turns.release()

        assert await theirs == ["an apple"]
        assert follower.lag[0] == 10, "of bob's 40 changes, those of one page"
        for _ in range(40):
            turns.release()
        assert len(await own) == 40

    async def test_a_change_is_applied_once_though_an_open_transaction_holds_the_horizon(
        self, domain: Domain, follower: Follower, database: Database, alice: Scope, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        applied: list[int] = []
        monkeypatch.setattr(follower, "_on_applied", applied.append)
        async with database.as_user("bob") as connection, connection.transaction():
            await connection.execute("insert into conversations (user_id, id) values ('bob', 'open')")
            await memorize(domain, alice, "text")
            for _ in range(3):
                await follower.catch_up()

        assert applied == [1]

    async def test_an_open_transaction_does_not_send_it_from_one_rebuild_to_the_next(
        self,
        log: PostgresChangeLog,
        store: PostgresStore,
        database: Database,
        index_folder: Path,
        alice: Scope,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(changes, "_BACKLOG_CHANGES", 3)
        built = []
        everything = log.everything

        def counted() -> AsyncIterator[Any]:
            built.append(1)
            return everything()

        monkeypatch.setattr(log, "everything", counted)
        async with database.as_user("bob") as connection, connection.transaction():
            await connection.execute("insert into conversations (user_id, id) values ('bob', 'open')")
            for number in range(5):
                await add_note(store, alice, f"apple {number}")
            async with following(log, index_folder) as follower:
                await follower.wait_filled(10)
                domain = domain_on(store, follower)
                for number in range(5, 10):
                    await memorize(domain, alice, f"apple {number}")
                    await follower.catch_up()
                await until(lambda: found(domain, alice, 10), "all are found")

        assert len(built) == 1

    async def test_the_lag_is_nothing_once_caught_up(self, domain: Domain, follower: Follower, alice: Scope) -> None:
        await memorize(domain, alice, "text")
        await follower.catch_up()

        assert follower.lag == (0, 0.0)


class TestVectors:
    MODEL = "model"

    @pytest.fixture
    def log(self, database: Database) -> PostgresChangeLog:
        return PostgresChangeLog(database, self.MODEL)

    @pytest.fixture
    def embed(self, database: Database, follower: Follower) -> Callable[..., Awaitable[None]]:
        async def embed(model: str = self.MODEL, make: Callable[[str], bytes] = kept) -> None:
            """Store a vector for every memory that lacks one, and wait until the index can answer."""
            embeddings = Embeddings(database)
            found, _ = await embeddings.older(model, UUID(int=2**128 - 1), 1_000)
            await embeddings.store(model, [(one, make(one.text)) for one in found])
            await until(lambda: is_level(follower), "the index has the vectors")

        return embed

    async def nearest(self, follower: Follower, text: str, user: str = "alice") -> dict[UUID, float | None]:
        """Return the dense scores by id, found with no word at all."""
        view = await follower.view(user)
        query = CandidateQuery(user=user, weights={}, where=Filter(), limit=10, dense=tuple(bag_of_words(text)))
        return {one.id: one.dense_score for one in await view.candidates(query)}

    async def test_a_stored_vector_reaches_the_index_though_no_word_changed(
        self, domain: Domain, follower: Follower, alice: Scope, embed: Callable[..., Awaitable[None]]
    ) -> None:
        apple = await memorize(domain, alice, "apple")
        await memorize(domain, alice, "pear")
        assert await self.nearest(follower, "apple") == {}

        await embed()

        scores = await self.nearest(follower, "apple")
        assert max(scores, key=lambda one: scores[one] or 0.0) == apple
        assert scores[apple] == pytest.approx(1, abs=0.001)

    async def test_neither_the_first_vectors_nor_later_ones_need_a_new_index(
        self,
        domain: Domain,
        follower: Follower,
        alice: Scope,
        embed: Callable[..., Awaitable[None]],
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        await memorize(domain, alice, "apple")
        await embed()
        pear = await memorize(domain, alice, "pear")
        await embed()

        assert pear in await self.nearest(follower, "pear")
        assert "rebuilding" not in caplog.text

    async def test_a_turns_vector_holds_its_neighbours_and_changes_with_them(
        self, domain: Domain, follower: Follower, alice: Scope, embed: Callable[..., Awaitable[None]]
    ) -> None:
        await converse(domain, alice, ["apple", "pear", "plum"], conversation_id="talk")
        await embed()
        [pear] = [one.memory.id for one in (await look_for(domain, alice, "pear")).results if one.memory.text == "pear"]
        with_plum = (await self.nearest(follower, "plum"))[pear]
        [plum] = [one.memory.id for one in (await look_for(domain, alice, "plum")).results if one.memory.text == "plum"]

        await erase(domain, alice, ids=[plum])

        without = (await self.nearest(follower, "plum"))[pear]
        assert with_plum is not None
        assert without is not None
        assert without < with_plum - 0.1

    async def test_an_index_built_anew_has_the_same_vectors(
        self,
        domain: Domain,
        follower: Follower,
        log: PostgresChangeLog,
        alice: Scope,
        embed: Callable[..., Awaitable[None]],
        run_folder: Path,
    ) -> None:
        await converse(domain, alice, [f"word{n} apple" for n in range(7)], conversation_id="talk")
        await embed()
        await converse(domain, alice, ["pear", "plum"], conversation_id="talk")
        await embed()

        async with following(log, run_folder / f"anew-{next(_numbers)}") as anew:
            await anew.wait_filled(10)
            assert await self.nearest(anew, "apple") == await self.nearest(follower, "apple")

    async def test_a_new_text_has_no_vector_until_it_gets_its_own(
        self, domain: Domain, follower: Follower, alice: Scope, embed: Callable[..., Awaitable[None]]
    ) -> None:
        note = await memorize(domain, alice, "apple")
        await memorize(domain, alice, "other")
        await embed()

        await change(domain, alice, note, text="pear")
        assert note not in await self.nearest(follower, "apple")

        await embed()
        assert (await self.nearest(follower, "pear"))[note] == pytest.approx(1, abs=0.001)

    async def test_a_vector_of_another_size_under_the_same_name_is_left_out(
        self, domain: Domain, follower: Follower, alice: Scope, embed: Callable[..., Awaitable[None]]
    ) -> None:
        apple = await memorize(domain, alice, "apple")
        await embed()
        await memorize(domain, alice, "pear")
        await embed(make=lambda text: pack(bag_of_words(text, 32)))

        assert list(await self.nearest(follower, "pear")) == [apple]

    @pytest.mark.parametrize("size", [32, 64])
    async def test_a_question_of_another_model_or_before_any_vector_is_searched_by_words(
        self, domain: Domain, follower: Follower, alice: Scope, embed: Callable[..., Awaitable[None]], size: int
    ) -> None:
        apple = await memorize(domain, alice, "apple")
        if size == 32:
            await embed()

        view = await follower.view("alice")
        dense = tuple(bag_of_words("apple", size))
        [term] = analyse("apple").terms
        query = CandidateQuery(user="alice", weights={term: 1.0}, where=Filter(), limit=10, dense=dense)
        assert [(one.id, one.dense_score) for one in await view.candidates(query)] == [(apple, None)]


class TestForgetting:
    @pytest.fixture(autouse=True)
    async def talk(self, domain: Domain, alice: Scope) -> None:
        await converse(domain, alice, ["first apple", "second pear", "third plum"], conversation_id="talk")

    async def id_of(self, domain: Domain, alice: Scope, text: str) -> UUID:
        return next(one.id for one in await domain.store.of_conversation(alice, "talk", 10) if one.text == text)

    async def test_neighbours_are_found_by_a_turns_words(self, domain: Domain, alice: Scope) -> None:
        assert set(await texts_for(domain, alice, "pear")) == {"first apple", "second pear", "third plum"}

    @pytest.mark.parametrize("how", ["forgotten", "archived", "changed"])
    async def test_its_words_leave_the_neighbours_vectors_too(self, domain: Domain, alice: Scope, how: str) -> None:
        id_ = await self.id_of(domain, alice, "second pear")
        if how == "forgotten":
            await erase(domain, alice, ids=[id_])
        else:
            await change(domain, alice, id_, **({"archived": True} if how == "archived" else {"text": "second fig"}))

        assert await texts_for(domain, alice, "pear") == []

    async def test_nothing_is_left_of_a_forgotten_conversation(
        self, domain: Domain, follower: Follower, alice: Scope
    ) -> None:
        await erase(domain, alice, ids=[await self.id_of(domain, alice, "first apple")])
        await follower.catch_up()
        await erase(domain, alice, conversation_id="talk")
        await follower.catch_up()

        assert await follower.count() == 0

    async def test_what_is_unarchived_is_found_again(self, domain: Domain, alice: Scope) -> None:
        id_ = await self.id_of(domain, alice, "second pear")
        await change(domain, alice, id_, archived=True)
        assert await texts_for(domain, alice, "pear") == []
        await change(domain, alice, id_, archived=False)

        assert set(await texts_for(domain, alice, "pear")) == {"first apple", "second pear", "third plum"}


WORDS = ["red", "green", "blue", "apple", "pear", "plum", "fig", "oak"]
step = st.one_of(
    st.tuples(st.just("say"), st.lists(st.sampled_from(WORDS), min_size=1, max_size=5)),
    st.tuples(st.just("note"), st.lists(st.sampled_from(WORDS), min_size=1, max_size=3)),
    st.tuples(st.just("forget"), st.integers(0, 20)),
    st.tuples(st.just("archive"), st.integers(0, 20)),
    st.tuples(st.just("restore"), st.integers(0, 20)),
    st.tuples(st.just("change"), st.integers(0, 20)),
    st.tuples(st.just("catch up"), st.none()),
)


@settings(max_examples=15)
@given(steps=st.lists(step, min_size=3, max_size=14))
async def test_an_index_that_followed_equals_one_built_anew(
    domain: Domain, follower: Follower, log: PostgresChangeLog, run_folder: Path, steps: list[Any]
) -> None:
    scope = Scope(f"user {next(_numbers)}")
    for what, value in steps:
        await take(domain, follower, scope, what, value)
    await follower.catch_up()

    folder = run_folder / f"anew-{next(_numbers)}"
    async with following(log, folder) as anew:
        await anew.wait_filled(10)
        assert await picture(follower, scope) == await picture(anew, scope)


async def take(domain: Domain, follower: Follower, scope: Scope, what: str, value: Any) -> None:
    if what == "say":
        await converse(domain, scope, value, conversation_id=scope.user)
    elif what == "note":
        await memorize(domain, scope, " ".join(value))
    elif what == "catch up":
        await follower.catch_up()
    else:
        async with database_of(domain).as_user(scope.user) as connection:
            ids = [row["id"] for row in await connection.fetch("select id from memories order by id")]
        if not ids:
            return
        id_ = ids[value % len(ids)]
        if what == "forget":
            await erase(domain, scope, ids=[id_])
        elif what == "change":
            await change(domain, scope, id_, text=f"{WORDS[value % len(WORDS)]} {next(_numbers)}")
        elif what == "archive" or not await has_twin(domain, id_):
            await change(domain, scope, id_, archived=what == "archive")


async def has_twin(domain: Domain, id_: UUID) -> bool:
    """Tell whether a live memory has the same content: then the archived one may not come back."""
    async with database_of(domain).as_service() as connection:
        return bool(
            await connection.fetchval(
                "select exists (select from memories a join memories b using (user_id, project, content_hash)"
                " where a.id = $1 and b.id <> $1 and b.archived_at is null and a.conversation_id is null)",
                id_,
            )
        )


async def picture(follower: Follower, scope: Scope) -> dict[str, Any]:
    """Return what the index says of each word: the window scores."""
    seen = {}
    for word in WORDS:
        weights = dict.fromkeys(piece(word).analysis.terms, 1.0)
        query = CandidateQuery(user=scope.user, weights=weights, where=Filter(), limit=1_000)
        seen[word] = {one.id: round(one.window_score, 4) for one in await follower.candidates(query)}
    return seen


class TestReopening:
    async def test_the_index_goes_on_where_it_was_saved(
        self, log: PostgresChangeLog, store: PostgresStore, index_folder: Path, alice: Scope
    ) -> None:
        async with following(log, index_folder) as first:
            await first.wait_filled(10)
            await memorize(domain_on(store, first), alice, "before")
            await first.catch_up()
        await add_note(store, alice, "while it was away")

        async with following(log, index_folder) as second:
            assert second.problem is None, "nothing to rebuild"
            assert set(await texts_for(domain_on(store, second), alice, "before away")) == {
                "before",
                "while it was away",
            }

    async def test_a_filling_writes_one_users_index_after_another_however_their_sessions_are_mixed(
        self, log: PostgresChangeLog, store: PostgresStore, index_folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        saved: list[str] = []

        def noted(stem: Path, user: str, *rest: Any) -> Any:
            saved.append(user)
            return save(stem, user, *rest)

        monkeypatch.setattr("app.index.embedded.saving.save", noted)
        monkeypatch.setattr(changes, "_PAGE_MEMORIES", 4)
        monkeypatch.setattr("app.index.embedded.engine._UNSAVED_POSTINGS", 60)
        for number in range(20):
            for user in ("ann", "ben", "cleo"):
                await add_note(store, Scope(user), f"an apple of {user} {number}")

        async with following(log, index_folder) as follower:
            await follower.wait_filled(10)
            assert await follower.count() == 60

        assert [user for user, _ in groupby(saved)] == ["ann", "ben", "cleo"]

    async def test_changes_applied_but_not_saved_are_replayed_without_harm(
        self, log: PostgresChangeLog, store: PostgresStore, index_folder: Path, alice: Scope
    ) -> None:
        first = follower_on(log, index_folder)
        await first.start()
        await first.wait_filled(10)
        domain = domain_on(store, first)
        gone = await memorize(domain, alice, "gone apple")
        await converse(domain, alice, ["one apple", "two pears"], conversation_id="talk")
        await first.catch_up()
        await erase(domain, alice, ids=[gone])
        await first.catch_up()
        before = await picture(first, alice)
        await crash(first)

        async with following(log, index_folder) as second:
            assert second.problem is None, "it replays, it does not rebuild"
            await second.catch_up()
            assert await picture(second, alice) == before

    @pytest.mark.parametrize(
        ("pattern", "damage"),
        [
            pytest.param("../state.json", "truncate", id="state cut"),
            pytest.param("*/*.list", "garbage", id="list overwritten"),
            pytest.param("*/*.list", "remove", id="list lost"),
            pytest.param("*/*.segment", "truncate", id="segment cut"),
            pytest.param("*/*.segment", "garbage", id="segment overwritten"),
            pytest.param("*/*.segment", "remove", id="segment lost"),
        ],
    )
    async def test_a_damaged_index_is_rebuilt_by_itself_and_finds_everything(
        self, log: PostgresChangeLog, store: PostgresStore, index_folder: Path, alice: Scope, pattern: str, damage: str
    ) -> None:
        async with following(log, index_folder) as first:
            await first.wait_filled(10)
            domain = domain_on(store, first)
            for number in range(20):
                await memorize(domain, alice, f"apple {number}")
            await first.catch_up()
        spoil(index_folder / "users", pattern, damage)

        async with following(log, index_folder) as second:
            domain = domain_on(store, second)
            await memorize(domain, alice, "apple 20")
            await until(lambda: found_all(domain, alice), "all is found by the index again")

    async def test_another_database_makes_the_index_anew(
        self, log: PostgresChangeLog, store: PostgresStore, database: Database, index_folder: Path, alice: Scope
    ) -> None:
        async with following(log, index_folder) as first:
            await first.wait_filled(10)
        await add_note(store, alice, "restored")
        async with database.as_service() as connection:
            await connection.execute("update instance set database_id = gen_random_uuid()")

        async with following(log, index_folder) as second:
            await second.wait_filled(10)
            assert await texts_for(domain_on(store, second), alice, "restored") == ["restored"]

    async def test_a_log_pruned_below_the_position_makes_the_index_anew(
        self, log: PostgresChangeLog, store: PostgresStore, index_folder: Path, alice: Scope
    ) -> None:
        async with following(log, index_folder) as first:
            await first.wait_filled(10)
        await add_note(store, alice, "pruned from the log")
        await store.fold_term_counts()
        from datetime import timedelta

        await log.prune(timedelta(seconds=-60))

        async with following(log, index_folder) as second:
            domain = domain_on(store, second)
            await until(lambda: answers(domain, alice, "pruned"), "the index answers")
            assert await texts_for(domain, alice, "pruned") == ["pruned from the log"]


async def found(domain: Domain, alice: Scope, number: int) -> bool:
    found = await look_for(domain, alice, "apple", limit=100)
    return len(found.results) == number and not found.degraded


async def found_all(domain: Domain, alice: Scope) -> bool:
    found = await look_for(domain, alice, "apple", limit=100)
    assert len(found.results) == 21, "the store answers where the index cannot"
    return not found.degraded


async def answers(domain: Domain, alice: Scope, query: str) -> bool:
    return not (await look_for(domain, alice, query)).degraded


class Faulty(EmbeddedEngine):
    """The real engine, which fails in one operation while `fails` names it."""

    fails: str | None = None
    away = False

    def _fail_in(self, operation: str) -> None:
        if Faulty.away:
            raise EngineAway("gone for a while")
        if Faulty.fails == operation:
            raise IndexUnavailable(f"the search index failed to {operation}")

    async def candidates(self, query: CandidateQuery) -> list[Candidate]:
        self._fail_in("search")
        return await super().candidates(query)

    async def apply(self, upserts: Sequence[Point], deletes: Sequence[Deleted]) -> None:
        self._fail_in("write")
        await super().apply(upserts, deletes)

    async def empty(self, space: Space | None = None) -> None:
        self._fail_in("start empty")
        await super().empty(space)

    async def checkpoint(self, position: int, seen: str | None = None) -> None:
        self._fail_in("flush")
        await super().checkpoint(position, seen)


@pytest.fixture
async def faulty(
    log: PostgresChangeLog, store: PostgresStore, index_folder: Path, alice: Scope, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Domain]:
    """The domain on an engine that can be made to fail."""
    monkeypatch.setattr(Faulty, "checkpoint_every_s", 0.0)
    monkeypatch.setattr(Faulty, "fails", None)
    async with following(log, index_folder, Faulty) as follower:
        await follower.wait_filled(10)
        domain = domain_on(store, follower)
        await memorize(domain, alice, "apple pie")
        await follower.catch_up()
        yield domain


class TestTrouble:
    async def test_an_engine_that_is_away_is_waited_for_and_not_filled_anew(
        self, faulty: Domain, alice: Scope, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(Faulty, "fails", "start empty")  # a rebuild could not succeed
        monkeypatch.setattr(Faulty, "away", True)
        await memorize(faulty, alice, "apple cake")
        await until(lambda: followed(faulty).problem == "gone for a while", "the follower noticed")
        assert (await look_for(faulty, alice, "apple")).degraded

        monkeypatch.setattr(Faulty, "away", False)
        await until(lambda: answers(faulty, alice, "apple"), "the index answers again")
        assert set(await texts_for(faulty, alice, "apple")) == {"apple pie", "apple cake"}

    @pytest.mark.parametrize("operation", ["search", "write", "flush"])
    async def test_a_failing_engine_is_done_without_and_rebuilt(
        self, faulty: Domain, alice: Scope, monkeypatch: pytest.MonkeyPatch, operation: str
    ) -> None:
        monkeypatch.setattr(Faulty, "fails", operation)
        await memorize(faulty, alice, "apple cake")
        await until(lambda: degraded(faulty, alice), "the failure was noticed")

        found = await look_for(faulty, alice, "apple")
        assert {one.memory.text for one in found.results} == {"apple pie", "apple cake"}, "the store answered"

        monkeypatch.setattr(Faulty, "fails", None)
        await until(lambda: answers(faulty, alice, "apple"), "the index answers again")
        assert set(await texts_for(faulty, alice, "apple")) == {"apple pie", "apple cake"}

    async def test_a_checkpoint_that_was_begun_ends_before_a_rebuild_empties_the_engine(
        self, faulty: Domain, alice: Scope, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It would say that the emptied engine is complete up to its position."""
        order: list[str] = []
        begun, go_on = asyncio.Event(), asyncio.Event()
        save, empty = EmbeddedEngine.checkpoint, EmbeddedEngine.empty

        async def checkpoint(self: EmbeddedEngine, position: int, seen: str | None = None) -> None:
            begun.set()
            await go_on.wait()
            await save(self, position, seen)
            order.append("saved")

        async def emptied(self: EmbeddedEngine, space: Space | None = None) -> None:
            order.append("emptied")
            await empty(self, space)

        monkeypatch.setattr(EmbeddedEngine, "checkpoint", checkpoint)
        monkeypatch.setattr(EmbeddedEngine, "empty", emptied)
        await memorize(faulty, alice, "apple cake")
        await begun.wait()
        await followed(faulty).rebuild()
        await asyncio.sleep(0.05)
        assert "emptied" not in order
        go_on.set()

        await healthy(followed(faulty))
        assert order[:2] == ["saved", "emptied"]
        assert set(await texts_for(faulty, alice, "apple")) == {"apple pie", "apple cake"}

    async def test_an_engine_that_cannot_save_is_away_until_it_can(
        self, faulty: Domain, alice: Scope, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tries: list[str | None] = []
        save = EmbeddedEngine.checkpoint

        async def checkpoint(self: EmbeddedEngine, position: int, seen: str | None = None) -> None:
            tries.append(followed(faulty).problem)
            if len(tries) < 5:
                raise EngineAway("no space left")
            await save(self, position, seen)

        monkeypatch.setattr(EmbeddedEngine, "checkpoint", checkpoint)
        await memorize(faulty, alice, "apple cake")
        await until(lambda: len(tries) >= 5, "it is tried again")

        assert tries[1:5] == ["no space left"] * 4
        await healthy(followed(faulty))

    async def test_a_rebuilding_index_gives_degraded_answers_until_it_is_done(
        self, faulty: Domain, alice: Scope, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(Faulty, "fails", "start empty")
        await followed(faulty).rebuild()

        found = await look_for(faulty, alice, "apple")
        assert found.degraded
        assert [one.memory.text for one in found.results] == ["apple pie"]
        assert followed(faulty).problem == "it is being rebuilt"
        await until(lambda: followed(faulty).filling.failures > 2, "it failed again and again")
        assert followed(faulty).filling.problem == "the search index failed to start empty"

        monkeypatch.setattr(Faulty, "fails", None)
        await healthy(followed(faulty))
        assert (followed(faulty).filling.points, followed(faulty).filling.failures) == (1, 0)
        assert await texts_for(faulty, alice, "apple") == ["apple pie"]

    async def test_a_store_that_does_not_answer_fails_the_catch_up_and_is_followed_again(
        self, faulty: Domain, alice: Scope, log: PostgresChangeLog, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def unreachable(*since: object) -> NoReturn:
            raise StoreUnavailable("PostgreSQL does not answer")

        with monkeypatch.context() as patch:
            patch.setattr(log, "read", unreachable)
            with pytest.raises(IndexUnavailable, match="cannot be made current: PostgreSQL does not answer"):
                await followed(faulty).catch_up()
            assert followed(faulty).problem is None, "nothing is wrong with the index itself"

        await memorize(faulty, alice, "apple cake")
        assert set(await texts_for(faulty, alice, "apple")) == {"apple pie", "apple cake"}

    async def test_an_error_of_our_own_does_not_end_the_follower(
        self,
        faulty: Domain,
        alice: Scope,
        log: PostgresChangeLog,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        async def mistaken(*since: object) -> NoReturn:
            raise ZeroDivisionError

        with monkeypatch.context() as patch:
            patch.setattr(log, "read", mistaken)
            with pytest.raises(IndexUnavailable):
                await followed(faulty).catch_up()

        await until(lambda: answers(faulty, alice, "apple"), "the index answers again")
        assert "ZeroDivisionError" in caplog.text

    async def test_a_catch_up_that_takes_too_long_is_given_up(
        self, log: PostgresChangeLog, index_folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def stuck(*since: object) -> None:
            await asyncio.Event().wait()

        async with following(log, index_folder, catch_up_timeout_s=0.01) as follower:
            await follower.wait_filled(10)
            monkeypatch.setattr(log, "read", stuck)
            with pytest.raises(IndexUnavailable, match="did not catch up in time"):
                await follower.catch_up()

    async def test_a_search_that_waits_when_the_follower_stops_is_told(
        self, faulty: Domain, log: PostgresChangeLog, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        reading = asyncio.Event()

        async def stuck(*since: object) -> None:
            reading.set()
            await asyncio.Event().wait()

        with monkeypatch.context() as patch:
            patch.setattr(log, "read", stuck)
            waiting = asyncio.create_task(followed(faulty).catch_up())
            await reading.wait()
            await followed(faulty).stop()

        with pytest.raises(IndexUnavailable, match="closed; the server is stopping"):
            await waiting

    async def test_stop_works_on_a_failing_engine_and_may_be_called_twice(
        self, faulty: Domain, index_folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(Faulty, "fails", "flush")
        await followed(faulty).stop()
        await followed(faulty).stop()

        with pytest.raises(IndexUnavailable, match="it is closed"):
            await followed(faulty).catch_up()


async def degraded(domain: Domain, alice: Scope) -> bool:
    return (await look_for(domain, alice, "apple")).degraded
