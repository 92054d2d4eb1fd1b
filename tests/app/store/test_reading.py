"""Reading: newest first, in order, around a turn; archived and expired memories stay out of sight."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from app.memory.analysis import analyse
from app.memory.term_numbers import STOP_WORDS
from app.memory.types import Filter, Kind, Memory, MemoryUpdate, Scope
from app.store import reading
from app.store.change_log import PostgresChangeLog
from app.store.postgres import PostgresStore
from app.store.rows import new_id
from tests.support.domain import NOON
from tests.support.rows import add_note, add_turns, piece, turn

PAST = datetime(2020, 1, 1, tzinfo=UTC)


def texts(memories: Iterable[Memory]) -> list[str]:
    return [memory.text for memory in memories]


async def hide(store: PostgresStore, scope: Scope, id_: UUID, how: str) -> None:
    if how == "archived":
        await store.update(scope, id_, MemoryUpdate(archived=True), None, None)
    else:
        async with store.db.as_service() as connection:
            await connection.execute("update memories set expires_at = now() where id = $1", id_)


class TestNewest:
    async def test_recent_gives_the_newest_first_up_to_the_limit(self, store: PostgresStore, alice: Scope) -> None:
        for day in (2, 3, 1):
            await add_note(store, alice, f"day {day}", created_at=PAST + timedelta(days=day))

        assert texts(await store.recent(alice, 2)) == ["day 3", "day 2"]

    async def test_recent_leaves_out_what_a_reader_has_seen(self, store: PostgresStore, alice: Scope) -> None:
        for day in range(4):
            await add_note(store, alice, f"day {day}", project="p", created_at=PAST + timedelta(days=day))
        await add_note(store, alice, "of another project")

        assert texts(await store.recent(alice, 2, Filter(projects=("p",)), skip=1)) == ["day 2", "day 1"]

    async def test_of_project_gives_that_project_only(self, store: PostgresStore, alice: Scope) -> None:
        for project in ("p", "q", None):
            await add_note(store, alice, f"in {project}", project=project)

        assert texts(await store.of_project(alice, "p", 10)) == ["in p"]

    @pytest.mark.parametrize("how", ["archived", "expired"])
    async def test_what_is_not_live_is_left_out(self, store: PostgresStore, alice: Scope, how: str) -> None:
        id_ = await add_note(store, alice, "hidden", project="p")
        await add_turns(store, alice, "talk", "said", project="p")
        turn_id = (await store.of_conversation(alice, "talk", 1))[0].id

        await hide(store, alice, id_, how)
        await hide(store, alice, turn_id, how)

        assert await store.recent(alice, 10) == []
        archived = await store.recent(alice, 10, Filter(archived=True))
        assert {one.id for one in archived} == ({id_, turn_id} if how == "archived" else set())
        assert await store.of_project(alice, "p", 10) == []
        assert await store.of_conversation(alice, "talk", 10) == []
        assert await store.traits(alice, [id_, turn_id], Filter()) == {}
        assert await store.match(alice, list(piece("hidden said").analysis.terms), Filter(), 10) == []
        assert set(await store.get(alice, [id_])) == ({id_} if how == "archived" else set())


class TestNeighbours:
    @pytest.fixture
    async def ids(self, store: PostgresStore, alice: Scope) -> dict[str, UUID]:
        await add_turns(store, alice, "talk", *(turn(text, at=NOON) for text in "abcde"))
        await add_turns(store, alice, "talk", turn("next session", at=NOON + timedelta(days=1)))
        return {one.text: one.id for one in await store.of_conversation(alice, "talk", 10)}

    @pytest.mark.parametrize(
        ("centre", "before", "after", "expected"),
        [
            pytest.param("c", 1, 1, "bcd", id="both sides"),
            pytest.param("c", 2, 0, "abc", id="before only"),
            pytest.param("a", 3, 1, "ab", id="the beginning"),
            pytest.param("e", 0, 3, "e", id="not into the next session"),
        ],
    )
    async def test_they_are_of_the_session_and_in_order(
        self,
        store: PostgresStore,
        alice: Scope,
        ids: dict[str, UUID],
        centre: str,
        before: int,
        after: int,
        expected: str,
    ) -> None:
        around = await store.neighbours(alice, [ids[centre]], before, after)

        assert "".join(texts(around[ids[centre]])) == expected

    async def test_several_centres_are_answered_at_once(
        self, store: PostgresStore, alice: Scope, ids: dict[str, UUID]
    ) -> None:
        around = await store.neighbours(alice, [ids["a"], ids["d"]], 0, 1)

        assert {key: "".join(texts(found)) for key, found in around.items()} == {ids["a"]: "ab", ids["d"]: "de"}

    @pytest.mark.parametrize("how", ["archived", "expired"])
    async def test_what_is_not_live_is_no_neighbour(
        self, store: PostgresStore, alice: Scope, ids: dict[str, UUID], how: str
    ) -> None:
        await hide(store, alice, ids["b"], how)

        assert "".join(texts((await store.neighbours(alice, [ids["c"]], 2, 0))[ids["c"]])) == "ac"

    async def test_a_note_is_alone_and_a_long_text_has_its_pieces(self, store: PostgresStore, alice: Scope) -> None:
        note = await add_note(store, alice, "alone")
        long = await add_note(store, alice, "one", "two", "three")

        around = await store.neighbours(alice, [note, long], 1, 1)

        assert (texts(around[note]), texts(around[long])) == (["alone"], ["one", "two"])


class TestTermsAround:
    async def test_a_memory_comes_with_the_terms_around_it_by_distance(
        self, store: PostgresStore, alice: Scope
    ) -> None:
        await add_turns(store, alice, "talk", *"abcde")
        note = await add_note(store, alice, "alone alone?")
        ids = {memory.text: memory.id for memory in await store.of_conversation(alice, "talk", 10)}

        found = await store.terms_around(alice, [ids["b"], note], 2, 300)

        assert [(one.distance, one.id) for one in found[ids["b"]]] == [
            (-1, ids["a"]), (0, ids["b"]), (1, ids["c"]), (2, ids["d"])
        ]  # fmt: skip
        assert found[note] == [(0, note, list(analyse("alone alone?").terms), True)]
        assert await store.terms_around(alice, [new_id()], 2, 300) == {}

    async def test_it_is_what_an_index_is_made_of(
        self, store: PostgresStore, log: PostgresChangeLog, alice: Scope
    ) -> None:
        """An index keeps expired memories until they are deleted, and has no archived ones."""
        await add_turns(store, alice, "talk", *"abcd")
        ids = {memory.text: memory.id for memory in await store.of_conversation(alice, "talk", 10)}
        await hide(store, alice, ids["a"], "archived")
        await hide(store, alice, ids["d"], "expired")
        [session] = {change.session for change in (await log.read(0)).changes}

        around = (await store.terms_around(alice, [ids["b"]], 4, 300))[ids["b"]]

        [members] = (await log.members([session])).values()
        assert [(one.id, one.terms) for one in around] == [(one.id, one.terms) for one in members]
        assert [one.id for one in around] == [ids["b"], ids["c"], ids["d"]]

    async def test_long_neighbours_are_left_out_but_the_question_before(
        self, store: PostgresStore, alice: Scope
    ) -> None:
        await add_turns(store, alice, "talk", "one b c?", "d", "e f g?", "h k j", "k l?", "m n p?")
        ids = [memory.id for memory in await store.of_conversation(alice, "talk", 10)]

        found = await store.terms_around(alice, [ids[3]], 4, 2)

        assert [one.distance for one in found[ids[3]]] == [-2, -1, 0, 1]

    async def test_an_archived_memory_that_is_asked_for_is_there(self, store: PostgresStore, alice: Scope) -> None:
        id_ = await add_note(store, alice, "kept")
        await hide(store, alice, id_, "archived")

        assert [one.id for one in (await store.terms_around(alice, [id_], 0, 300))[id_]] == [id_]

    async def test_another_users_turns_are_no_neighbours_even_in_the_same_session(
        self, store: PostgresStore, alice: Scope, bob: Scope
    ) -> None:
        await add_turns(store, alice, "talk", "mine")
        await add_turns(store, bob, "talk", "first", "his")
        [mine] = await store.of_conversation(alice, "talk", 1)
        _, his = await store.of_conversation(bob, "talk", 2)
        async with store.db.as_service() as connection:
            await connection.execute(
                "update memories set session_id = (select session_id from memories where id = $1) where id = $2",
                mine.id,
                his.id,
            )

        assert [one.id for one in (await store.terms_around(alice, [mine.id], 4, 300))[mine.id]] == [mine.id]
        assert await store.terms_around(bob, [mine.id], 4, 300) == {}


class TestSpeakers:
    async def test_each_name_comes_once_in_order(self, store: PostgresStore, alice: Scope) -> None:
        await add_turns(store, alice, "talk", turn("a", name="Mel"), turn("b", name="Ann"), turn("c"), project="p")
        await add_turns(store, alice, "more", turn("d", name="Mel"), turn("e", name="Zoë"), project="q")

        assert sorted((await store.corpus(alice, None, [])).speakers) == ["Ann", "Mel", "Zoë"]
        assert sorted((await store.corpus(alice, ["q"], [])).speakers) == ["Mel", "Zoë"]
        assert sorted((await store.corpus(alice, ["p", "q"], [])).speakers) == ["Ann", "Mel", "Zoë"]
        assert sorted((await store.corpus(alice, ["none"], [])).speakers) == []
        assert sorted((await store.corpus(alice, [], [])).speakers) == []

    async def test_more_than_two_hundred_are_cut(self, store: PostgresStore, alice: Scope) -> None:
        await add_turns(store, alice, "talk", *(turn("x", id=str(n), name=f"name {n:03}") for n in range(230)))

        assert len(sorted((await store.corpus(alice, None, [])).speakers)) == 200


class TestFilters:
    @pytest.fixture(autouse=True)
    async def memories(self, store: PostgresStore, alice: Scope) -> None:
        await add_note(store, alice, "word fact", kind=Kind.FACT, project="p", tags=("x", "y"), created_at=PAST)
        await add_note(store, alice, "word note", tags=("x",), created_at=NOON, occurred_at=PAST)
        await add_turns(store, alice, "talk", turn("word turn", role="assistant", at=NOON), project="q")

    @pytest.mark.parametrize(
        ("where", "found"),
        [
            pytest.param(Filter(), {"fact", "note", "turn"}, id="none"),
            pytest.param(Filter(projects=("p", "q")), {"fact", "turn"}, id="projects"),
            pytest.param(Filter(projects=()), set(), id="no project at all"),
            pytest.param(Filter(kinds=(Kind.FACT, Kind.NOTE)), {"fact", "note"}, id="kinds"),
            pytest.param(Filter(tags=("x",)), {"fact", "note"}, id="a tag"),
            pytest.param(Filter(tags=("x", "y")), {"fact"}, id="all tags"),
            pytest.param(Filter(role="assistant"), {"turn"}, id="role"),
            pytest.param(Filter(conversation_id="talk"), {"turn"}, id="conversation"),
            pytest.param(Filter(since=NOON), {"turn"}, id="since looks at when it happened"),
            pytest.param(Filter(until=NOON), {"fact", "note"}, id="until is exclusive"),
            pytest.param(Filter(since=PAST, until=NOON, kinds=(Kind.NOTE,)), {"note"}, id="all together"),
        ],
    )
    async def test_match_and_traits_obey_them(
        self, store: PostgresStore, alice: Scope, where: Filter, found: set[Any] | set[str]
    ) -> None:
        all_ids = [memory.id for memory in await store.recent(alice, 10)]
        matched = [id_ for id_, _ in await store.match(alice, list(piece("word").analysis.terms), where, 10)]
        traits = await store.traits(alice, all_ids, where)

        memories = await store.get(alice, all_ids)
        assert {memories[id_].text.split()[1] for id_ in matched} == found
        assert {memories[id_].text.split()[1] for id_ in traits} == found


async def test_match_finds_any_of_the_words_and_gives_each_memorys_own(store: PostgresStore, alice: Scope) -> None:
    one = await add_note(store, alice, "red apple, red pear")
    two = await add_note(store, alice, "green pear")
    await add_note(store, alice, "blue plum")

    found = dict(await store.match(alice, list(piece("red green").analysis.terms), Filter(), 10))

    assert found == {
        one: list(piece("red apple, red pear").analysis.terms),
        two: list(piece("green pear").analysis.terms),
    }


async def test_traits_tell_what_ranking_needs(store: PostgresStore, alice: Scope) -> None:
    await add_turns(store, alice, "talk", turn("Was it yesterday that I saw two?", name="Mel", at=NOON))
    [said] = await store.of_conversation(alice, "talk", 1)

    trait = (await store.traits(alice, [said.id], Filter()))[said.id]

    assert (trait.role, trait.name, trait.at) == (said.role, "Mel", NOON)
    assert (trait.asks, trait.tells_time, trait.tells_number, trait.first_person) == (True, True, True, 1)


async def test_stats_count_by_kind_and_project_archived_ones_included(
    store: PostgresStore, alice: Scope, bob: Scope
) -> None:
    archived = await add_note(store, alice, "ab", kind=Kind.FACT, project="p", created_at=PAST)
    await hide(store, alice, archived, "archived")
    await hide(store, alice, await add_note(store, alice, "gone"), "expired")
    await add_note(store, alice, "茶", created_at=NOON)
    await add_turns(store, alice, "talk", turn("c", "d"), "ef", project="p")  # the first is a text of two pieces
    await add_note(store, bob, "not hers")

    stats = await store.stats(alice, None)
    of_p = await store.stats(alice, "p")

    assert (stats.memories, stats.by_kind) == (4, {"fact": 1, "note": 1, "turn": 2})
    assert stats.by_project == {"": 1, "p": 3}
    assert (stats.conversations, stats.bytes) == (1, 9)
    assert stats.oldest == PAST
    assert stats.newest is not None and stats.newest > PAST
    assert (of_p.memories, of_p.conversations) == (3, 1)


async def test_stats_of_nothing_are_zero(store: PostgresStore, alice: Scope) -> None:
    stats = await store.stats(alice, "none")

    assert (stats.memories, stats.by_kind, stats.by_project, stats.conversations) == (0, {}, {}, 0)
    assert (stats.oldest, stats.newest, stats.bytes) == (None, None, 0)


async def test_get_gives_only_what_is_there(store: PostgresStore, alice: Scope) -> None:
    id_ = await add_note(store, alice, "text")

    assert set(await store.get(alice, [new_id(), id_])) == {id_}
    assert await store.get(alice, []) == {}


async def test_the_size_counts_all_users_live_memories(store: PostgresStore, alice: Scope, bob: Scope) -> None:
    await add_note(store, alice, "one")
    await add_note(store, bob, "two")
    await store.fold_term_counts()
    await hide(store, alice, await add_note(store, alice, "three"), "archived")
    await add_note(store, bob, "four")

    memories, size = await store.size()

    assert memories == 3
    assert size > 1_000_000


class TestWordsOfNoIndex:
    async def test_all_words_must_be_there_in_any_case_and_the_phrase_comes_first(
        self, store: PostgresStore, alice: Scope, bob: Scope
    ) -> None:
        for text in ("It is the one who", "the who", "Them and whoever", "We saw The Who", "who, the one"):
            await add_note(store, alice, text)
        await add_note(store, bob, "The Who")

        found = await store.match_words(alice, ["the", "who"], ["The", "Who"], Filter(), 4)

        assert [text for _, text in found] == ["We saw The Who", "who, the one", "the who", "It is the one who"]

    async def test_only_the_newest_texts_are_read(
        self, store: PostgresStore, alice: Scope, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(reading, "TEXTS_READ", 2)
        for day in (1, 2, 3):
            await add_note(store, alice, f"the {day}", created_at=PAST + timedelta(days=day))

        found = await store.match_words(alice, ["the"], ["the"], Filter(), 10)

        assert [text for _, text in found] == ["the 3", "the 2"]

    async def test_a_question_of_very_many_stop_words_is_answered(self, store: PostgresStore, alice: Scope) -> None:
        words = sorted(STOP_WORDS)
        await add_note(store, alice, " ".join(words))

        assert len(await store.match_words(alice, words, words[:32], Filter(), 10)) == 1
