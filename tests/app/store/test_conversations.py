"""Conversations: appended in order, each message once, cut into sessions where people paused."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from app.errors import InvalidInput
from app.memory.types import Scope
from app.store.conversations import SESSION_PAUSE, SESSION_TURNS
from app.store.database import Database
from app.store.postgres import PostgresStore
from tests.support.domain import NOON
from tests.support.rows import add_note, add_turns, turn


async def said(store: PostgresStore, scope: Scope, conversation: str = "talk") -> list[str]:
    return [one.text for one in await store.of_conversation(scope, conversation, 10_000)]


async def sessions(database: Database, conversation: str = "talk") -> list[list[str]]:
    """The texts of each session, in order."""
    async with database.as_service() as connection:
        rows = await connection.fetch(
            "select array_agg(text order by position) as texts from memories where conversation_id = $1"
            " group by session_id order by min(position)",
            conversation,
        )
    return [row["texts"] for row in rows]


class TestMessageIds:
    async def test_a_message_id_is_stored_once(self, store: PostgresStore, alice: Scope) -> None:
        first = await add_turns(store, alice, "talk", turn("a", id="1"), turn("b", id="2"))
        again = await add_turns(store, alice, "talk", turn("b", id="2"), turn("c", id="3"), turn("a", id="1"))

        assert (first.stored, first.skipped, again.stored, again.skipped) == (2, 0, 1, 2)
        assert await said(store, alice) == ["a", "b", "c"]

    async def test_the_same_id_twice_in_one_call_is_stored_once(self, store: PostgresStore, alice: Scope) -> None:
        answer = await add_turns(store, alice, "talk", turn("a", id="1"), turn("a again", id="1"))

        assert (answer.stored, answer.skipped) == (1, 1)
        assert await said(store, alice) == ["a"]

    async def test_the_same_id_in_another_conversation_is_another_message(
        self, store: PostgresStore, alice: Scope
    ) -> None:
        await add_turns(store, alice, "talk", turn("a", id="1"))

        assert (await add_turns(store, alice, "other", turn("a", id="1"))).stored == 1

    async def test_the_same_words_under_new_ids_are_new_messages(self, store: PostgresStore, alice: Scope) -> None:
        await add_turns(store, alice, "talk", turn("ok", id="1"), turn("ok", id="2"))

        assert (await add_turns(store, alice, "talk", turn("ok", id="3"))).stored == 1

    async def test_all_pieces_of_a_message_are_stored_once_under_its_id(
        self, store: PostgresStore, alice: Scope
    ) -> None:
        await add_turns(store, alice, "talk", turn("long a", "long b", id="1"), turn("b", id="2"))
        again = await add_turns(store, alice, "talk", turn("long a", "long b", id="1"))

        assert again.skipped == 1
        assert await said(store, alice) == ["long a", "long b", "b"]
        assert {one.message_id for one in await store.of_conversation(alice, "talk", 2)} == {"1"}


class TestWithoutIds:
    @pytest.mark.parametrize(
        ("calls", "stored", "answer"),
        [
            pytest.param(["abc", "abc"], "abc", (0, 3), id="the same call again"),
            pytest.param(["abc", "abcde"], "abcde", (2, 3), id="the conversation so far with more behind it"),
            pytest.param(["abcd", "cdef"], "abcdef", (2, 2), id="its end with more behind it"),
            pytest.param(["abc", "def", "def"], "abcdef", (0, 3), id="the last call again"),
            pytest.param(["abc", "def", "abcdefg"], "abcdefg", (1, 6), id="all calls again with more behind them"),
            pytest.param(["abc", "de"], "abcde", (2, 0), id="only what is new"),
            pytest.param(["aab", "aabaab"], "aabaab", (3, 3), id="a refrain"),
            pytest.param(["abc", "ab"], "abcab", (2, 0), id="the beginning alone is said again"),
        ],
    )
    async def test_what_repeats_the_end_is_skipped(
        self, store: PostgresStore, alice: Scope, calls: list[str], stored: str, answer: tuple[int, ...]
    ) -> None:
        for call in calls:
            last = await add_turns(store, alice, "talk", *call)

        assert "".join(await said(store, alice)) == stored
        assert (last.stored, last.skipped) == answer

    async def test_the_same_words_by_another_speaker_are_no_repetition(
        self, store: PostgresStore, alice: Scope
    ) -> None:
        await add_turns(store, alice, "talk", turn("yes", role="user"))

        assert (await add_turns(store, alice, "talk", turn("yes", role="assistant"))).stored == 1

    async def test_the_same_words_at_another_time_are_no_repetition(self, store: PostgresStore, alice: Scope) -> None:
        await add_turns(store, alice, "talk", turn("yes", at=NOON))

        assert (await add_turns(store, alice, "talk", turn("yes", at=NOON + timedelta(minutes=1)))).stored == 1

    async def test_messages_with_and_without_ids_are_told_apart(self, store: PostgresStore, alice: Scope) -> None:
        await add_turns(store, alice, "talk", turn("a", id="1"), turn("b"))
        again = await add_turns(store, alice, "talk", turn("a", id="1"), turn("b"), turn("c"))

        assert (again.stored, again.skipped) == (1, 2)
        assert await said(store, alice) == ["a", "b", "c"]

    async def test_two_calls_that_retry_at_once_store_the_messages_once(
        self, store: PostgresStore, alice: Scope
    ) -> None:
        answers = await asyncio.gather(*(add_turns(store, alice, "talk", *"abc") for _ in range(8)))

        assert sorted(answer.stored for answer in answers) == [0] * 7 + [3]
        assert await said(store, alice) == ["a", "b", "c"]


class TestSessions:
    async def test_a_pause_longer_than_the_limit_begins_a_session(
        self, store: PostgresStore, alice: Scope, database: Database
    ) -> None:
        await add_turns(
            store,
            alice,
            "talk",
            turn("a", at=NOON),
            turn("b", at=NOON + SESSION_PAUSE),
            turn("c", at=NOON + 2 * SESSION_PAUSE + timedelta(seconds=1)),
        )

        assert await sessions(database) == [["a", "b"], ["c"]]

    async def test_the_pause_is_measured_across_calls(
        self, store: PostgresStore, alice: Scope, database: Database
    ) -> None:
        await add_turns(store, alice, "talk", turn("a", at=NOON))
        await add_turns(store, alice, "talk", turn("b", at=NOON + timedelta(hours=1)))
        await add_turns(store, alice, "talk", turn("c", at=NOON + timedelta(hours=5)))

        assert await sessions(database) == [["a", "b"], ["c"]]

    async def test_messages_without_a_time_continue_the_session(
        self, store: PostgresStore, alice: Scope, database: Database
    ) -> None:
        await add_turns(store, alice, "talk", turn("a", at=NOON), turn("b"), turn("c", at=NOON + timedelta(hours=4)))

        assert await sessions(database) == [["a", "b"], ["c"]], "the last known time counts"

    async def test_a_jump_back_in_time_begins_a_session(
        self, store: PostgresStore, alice: Scope, database: Database
    ) -> None:
        await add_turns(store, alice, "talk", turn("a", at=NOON), turn("b", at=NOON - timedelta(days=1)))

        assert await sessions(database) == [["a"], ["b"]]

    async def test_a_session_holds_at_most_so_many_turns(
        self, store: PostgresStore, alice: Scope, database: Database
    ) -> None:
        await add_turns(store, alice, "talk", *(turn(f"t{n}", id=str(n)) for n in range(SESSION_TURNS - 1)))
        await add_turns(store, alice, "talk", *(turn(f"u{n}", id=f"u{n}") for n in range(3)))

        assert [len(one) for one in await sessions(database)] == [SESSION_TURNS, 2]

    async def test_the_pieces_of_a_message_stay_in_one_session(
        self, store: PostgresStore, alice: Scope, database: Database
    ) -> None:
        await add_turns(store, alice, "talk", *(turn(f"t{n}", id=str(n)) for n in range(SESSION_TURNS - 1)))
        await add_turns(store, alice, "talk", turn("long a", "long b"))

        assert (await sessions(database))[-1] == ["long a", "long b"]

    async def test_sessions_of_two_conversations_are_apart(
        self, store: PostgresStore, alice: Scope, database: Database
    ) -> None:
        await add_turns(store, alice, "talk", "a")
        await add_turns(store, alice, "other", "b")
        await add_turns(store, alice, "talk", "c")

        assert (await sessions(database), await sessions(database, "other")) == ([["a", "c"]], [["b"]])


class TestProject:
    async def test_a_conversation_keeps_the_project_it_began_in(self, store: PostgresStore, alice: Scope) -> None:
        await add_turns(store, alice, "talk", "a", project="p")
        await add_turns(store, alice, "talk", "b")

        assert {one.project for one in await store.of_conversation(alice, "talk", 10)} == {"p"}

    @pytest.mark.parametrize(("first", "known"), [("p", "'p'"), (None, "null")])
    async def test_another_project_is_refused_and_nothing_is_stored(
        self, store: PostgresStore, alice: Scope, first: str | None, known: str
    ) -> None:
        await add_turns(store, alice, "talk", "a", project=first, title="before")

        with pytest.raises(InvalidInput, match=f"project: got 'q', takes {known}, the project of conversation 'talk'"):
            await add_turns(store, alice, "talk", "b", project="q", title="after")

        assert await said(store, alice) == ["a"]


async def test_a_title_is_kept_until_another_one_comes(store: PostgresStore, alice: Scope, database: Database) -> None:
    titles = []
    for title in ("first", None, "second"):
        await add_turns(store, alice, "talk", turn("a", id="1"), title=title)
        async with database.as_user("alice") as connection:
            titles.append(await connection.fetchval("select title from conversations"))

    assert titles == ["first", "first", "second"]


async def test_appends_to_one_conversation_at_once_lose_nothing_and_keep_each_callers_order(
    store: PostgresStore, alice: Scope, database: Database
) -> None:
    async def one_client(name: str) -> None:
        for first in range(0, 12, 3):
            await add_turns(
                store, alice, "talk", *(turn(f"{name}{n}", id=f"{name}{n}") for n in range(first, first + 3))
            )

    await asyncio.gather(*(one_client(name) for name in "abcdefgh"))

    texts = await said(store, alice)
    for name in "abcdefgh":
        assert [text for text in texts if text[0] == name] == [f"{name}{n}" for n in range(12)]
    async with database.as_user("alice") as connection:
        positions = await connection.fetchval("select array_agg(position order by position) from memories")
        assert positions == list(range(96)), "no position twice, none left out"
        assert await connection.fetchval("select messages from conversations") == 96


async def test_roles_names_and_times_are_kept(store: PostgresStore, alice: Scope) -> None:
    await add_turns(store, alice, "talk", turn("a", role="assistant", name="Claude", at=NOON), "b")

    first, second = await store.of_conversation(alice, "talk", 10)

    assert (first.role, first.name, first.occurred_at, first.kind) == ("assistant", "Claude", NOON, "turn")
    assert (second.role, second.name, second.occurred_at) == ("user", None, None)


async def test_ten_large_conversations_at_once_neither_refuse_nor_hold_up_another_user(
    store: PostgresStore, alice: Scope, bob: Scope
) -> None:
    large = [
        asyncio.create_task(add_turns(store, alice, f"talk {number}", *(f"said {turn}" for turn in range(1_000))))
        for number in range(10)
    ]
    answered = 0
    while not all(task.done() for task in large):
        await add_note(store, bob, f"note {answered}")
        answered += 1

    assert [stored.stored for stored in await asyncio.gather(*large)] == [1_000] * 10
    assert answered > 10  # in one queue with them: one or two, or a refusal
