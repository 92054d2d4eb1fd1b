"""Single memories: stored once, changed as a whole, forgotten as a whole."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.errors import Conflict, InvalidInput, NotFound
from app.memory.texts import content_hash
from app.memory.types import Kind, Memory, MemoryUpdate, Scope, Selection
from app.store import conversations
from app.store.database import Database
from app.store.postgres import PostgresStore
from app.store.rows import new_id
from tests.support.locks import until_a_session_waits_for_a_lock
from tests.support.rows import add_note, add_turns, note, piece, turn

PAST = datetime(2020, 1, 1, tzinfo=UTC)


async def everything(store: PostgresStore, scope: Scope) -> dict[str, Memory]:
    return {memory.text: memory for memory in await store.recent(scope, 1_000)}


async def test_a_memory_is_read_back_as_it_was_stored(store: PostgresStore, alice: Scope) -> None:
    stored = note(
        "tea, not coffee",
        kind=Kind.PREFERENCE,
        project="home",
        tags=("drinks", "饮料"),
        metadata={"source": {"page": 3, "quote": "naïve — 茶"}},
        created_at=PAST,
        occurred_at=PAST - timedelta(days=1),
    )
    answer = await store.add(alice, stored)

    memory = (await store.get(alice, [answer.id]))[answer.id]

    assert (answer.created, answer.duplicate) == (True, False)
    assert (memory.text, memory.kind, memory.project) == ("tea, not coffee", Kind.PREFERENCE, "home")
    assert memory.tags == ("drinks", "饮料")
    assert memory.metadata == {"source": {"page": 3, "quote": "naïve — 茶"}}
    assert (memory.created_at, memory.occurred_at) == (PAST, PAST - timedelta(days=1))
    assert (memory.version, memory.archived_at, memory.expires_at) == (1, None, None)
    assert (memory.conversation_id, memory.position) == (None, None)


async def test_the_same_content_again_answers_with_the_first_memory(store: PostgresStore, alice: Scope) -> None:
    first = await store.add(alice, note("twice", kind=Kind.FACT, tags=("a",), metadata={"b": 1}))
    second = await store.add(alice, note("twice"))

    assert (second.id, second.created, second.duplicate, second.updated) == (first.id, False, True, ())
    [memory] = await store.recent(alice, 10)
    assert (memory.kind, memory.tags, memory.metadata, memory.version) == (Kind.FACT, ("a",), {"b": 1}, 1)


async def test_the_same_content_again_adds_tags_and_takes_the_later_kind_and_metadata(
    store: PostgresStore, alice: Scope
) -> None:
    await store.add(alice, note("a", "b", tags=("one", "two"), metadata={"b": 1}))

    again = note("a", "b", kind=Kind.FACT, kind_given=True, tags=("two", "three"), metadata={"c": 2})
    answers = [await store.add(alice, again), await store.add(alice, again)]

    assert [answer.updated for answer in answers] == [("kind", "tags", "metadata"), ()]
    for piece_of_it in await store.recent(alice, 10):
        assert (piece_of_it.kind, piece_of_it.tags, piece_of_it.metadata, piece_of_it.version) == (
            Kind.FACT,
            ("one", "two", "three"),
            {"c": 2},
            2,
        )


async def test_more_tags_than_a_memory_may_have_are_refused_and_nothing_changes(
    store: PostgresStore, alice: Scope
) -> None:
    await store.add(alice, note("text", tags=tuple(f"tag{n}" for n in range(49))))

    with pytest.raises(InvalidInput, match=r'tags: got \["x", "y"\], takes up to 50 tags with the 49 of the memory'):
        await store.add(alice, note("text", kind=Kind.FACT, kind_given=True, tags=("x", "y")))

    [memory] = await store.recent(alice, 10)
    assert (memory.kind, len(memory.tags)) == (Kind.NOTE, 49)


async def test_tags_from_many_callers_at_once_are_all_kept(store: PostgresStore, alice: Scope) -> None:
    await asyncio.gather(*(store.add(alice, note("shared", tags=(f"tag{n}",))) for n in range(12)))

    [memory] = await store.recent(alice, 10)
    assert set(memory.tags) == {f"tag{n}" for n in range(12)}


@pytest.mark.parametrize(
    ("user", "project"),
    [pytest.param("alice", "p", id="another project"), pytest.param("bob", None, id="another user")],
)
async def test_the_same_content_elsewhere_is_a_memory_of_its_own(
    store: PostgresStore, alice: Scope, bob: Scope, user: str, project: str | None
) -> None:
    await store.add(alice, note("same"))

    assert (await store.add({"alice": alice, "bob": bob}[user], note("same", project=project))).created


async def test_the_same_content_from_many_callers_at_once_is_stored_once(store: PostgresStore, alice: Scope) -> None:
    answers = await asyncio.gather(*(store.add(alice, note("a", "b")) for _ in range(12)))

    assert sum(answer.created for answer in answers) == 1
    assert len({answer.id for answer in answers}) == 1
    assert len(await store.recent(alice, 100)) == 2, "two pieces, once"


async def test_the_content_of_an_expired_memory_can_be_stored_again(store: PostgresStore, alice: Scope) -> None:
    old = await store.add(alice, note("a", "b", expires_at=PAST))
    new = await store.add(alice, note("a", "b"))

    assert new.created
    assert new.id != old.id
    assert len(await store.recent(alice, 10)) == 2


async def test_the_content_of_an_archived_memory_can_be_stored_again(store: PostgresStore, alice: Scope) -> None:
    old = await add_note(store, alice, "again")
    await store.update(alice, old, MemoryUpdate(archived=True), None, None)

    assert (await store.add(alice, note("again"))).created


async def test_what_is_said_in_a_conversation_is_no_duplicate_of_a_note(store: PostgresStore, alice: Scope) -> None:
    await add_note(store, alice, "hello")

    assert (await add_turns(store, alice, "talk", "hello")).stored == 1


async def test_an_update_changes_what_is_given_and_keeps_the_rest(store: PostgresStore, alice: Scope) -> None:
    id_ = await add_note(store, alice, "text", tags=("a",), metadata={"b": 1}, project="p")

    version = await store.update(alice, id_, MemoryUpdate(kind=Kind.DECISION), None, None)

    memory = (await store.get(alice, [id_]))[id_]
    assert (version, memory.version, memory.kind) == (2, 2, Kind.DECISION)
    assert (memory.text, memory.tags, memory.metadata, memory.project) == ("text", ("a",), {"b": 1}, "p")
    assert memory.updated_at > memory.created_at


async def test_tags_and_metadata_can_be_emptied(store: PostgresStore, alice: Scope) -> None:
    id_ = await add_note(store, alice, "text", tags=("a",), metadata={"b": 1})

    await store.update(alice, id_, MemoryUpdate(tags=(), metadata={}), None, None)

    memory = (await store.get(alice, [id_]))[id_]
    assert (memory.tags, memory.metadata) == ((), {})


async def test_versions_told_to_concurrent_updates_are_all_different(store: PostgresStore, alice: Scope) -> None:
    id_ = await add_note(store, alice, "text")

    told = await asyncio.gather(
        *(store.update(alice, id_, MemoryUpdate(metadata={"n": n}), None, None) for n in range(6))
    )

    assert sorted(told) == [2, 3, 4, 5, 6, 7]


async def test_a_new_text_replaces_the_old_one(store: PostgresStore, alice: Scope) -> None:
    id_ = await add_note(store, alice, "old")

    await store.update(alice, id_, MemoryUpdate(text="new"), piece("new"), content_hash("new"))

    assert list(await everything(store, alice)) == ["new"]
    assert (await store.add(alice, note("new"))).duplicate
    assert (await store.add(alice, note("old"))).created, "the old content is free again"


async def test_the_text_of_another_memory_is_refused_and_nothing_changes(store: PostgresStore, alice: Scope) -> None:
    await add_note(store, alice, "taken")
    id_ = await add_note(store, alice, "mine")

    with pytest.raises(Conflict, match=f"memory {id_}: another memory of the project has the same text; forget one"):
        await store.update(alice, id_, MemoryUpdate(kind=Kind.FACT), piece("taken"), content_hash("taken"))

    memory = (await store.get(alice, [id_]))[id_]
    assert (memory.text, memory.kind, memory.version) == ("mine", Kind.NOTE, 1)


async def test_unarchiving_what_was_stored_again_meanwhile_is_refused(store: PostgresStore, alice: Scope) -> None:
    id_ = await add_note(store, alice, "text")
    await store.update(alice, id_, MemoryUpdate(archived=True), None, None)
    await add_note(store, alice, "text")

    with pytest.raises(Conflict, match="forget one of the two"):
        await store.update(alice, id_, MemoryUpdate(archived=False), None, None)


async def test_all_pieces_move_to_another_project(store: PostgresStore, alice: Scope) -> None:
    id_ = await add_note(store, alice, "one", "two", project="p")

    await store.update(alice, id_, MemoryUpdate(project="q"), None, None)

    assert {one.text for one in await store.of_project(alice, "q", 10)} == {"one", "two"}
    assert await store.of_project(alice, "p", 10) == []
    assert not (await store.add(alice, note("one", "two", project="q"))).created


async def test_a_memory_does_not_move_to_where_its_text_is_already(store: PostgresStore, alice: Scope) -> None:
    id_ = await add_note(store, alice, "same", project="p")
    await add_note(store, alice, "same", project="q")

    with pytest.raises(Conflict, match="another memory of the project has the same text"):
        await store.update(alice, id_, MemoryUpdate(project="q"), None, None)

    assert (await store.get(alice, [id_]))[id_].project == "p"


async def test_a_message_stays_in_the_project_of_its_conversation(store: PostgresStore, alice: Scope) -> None:
    await add_turns(store, alice, "talk", "said", project="p")
    [said] = await store.of_project(alice, "p", 10)

    with pytest.raises(Conflict, match="is a message of conversation 'talk', and stays in its project"):
        await store.update(alice, said.id, MemoryUpdate(project="q", kind=Kind.FACT), None, None)

    assert await store.of_project(alice, "p", 10) == [said]


async def test_archive_is_for_all_pieces_and_can_be_undone(store: PostgresStore, alice: Scope) -> None:
    id_ = await add_note(store, alice, "a", "b", "c")

    await store.update(alice, id_, MemoryUpdate(archived=True), None, None)
    assert await store.recent(alice, 10) == []
    assert (await store.get(alice, [id_]))[id_].archived_at is not None, "kept, and shown by its id"

    await store.update(alice, id_, MemoryUpdate(archived=False), None, None)
    assert len(await store.recent(alice, 10)) == 3


async def test_any_piece_stands_for_the_whole_text_in_an_update(store: PostgresStore, alice: Scope) -> None:
    id_ = await add_note(store, alice, "a", "b", "c")
    pieces = await everything(store, alice)

    version = await store.update(alice, pieces["b"].id, MemoryUpdate(tags=("x",)), None, None)

    assert version == 2
    assert {memory.tags for memory in (await everything(store, alice)).values()} == {("x",)}
    assert id_ == pieces["a"].id


@pytest.mark.parametrize("gone", ["never there", "forgotten", "expired"])
async def test_updating_what_is_not_there_says_so(store: PostgresStore, alice: Scope, gone: str) -> None:
    id_ = new_id()
    if gone == "forgotten":
        id_ = await add_note(store, alice, "text")
        await store.forget(alice, Selection(ids=(id_,)), dry_run=False)
    if gone == "expired":
        id_ = await add_note(store, alice, "text", expires_at=PAST)

    with pytest.raises(NotFound, match=f"memory {id_}: there is no memory with this id; search_memory returns"):
        await store.update(alice, id_, MemoryUpdate(kind=Kind.FACT), None, None)


async def test_a_turn_with_a_corrected_text_is_still_known_when_its_conversation_comes_again(
    store: PostgresStore, alice: Scope
) -> None:
    await add_turns(store, alice, "talk", "hello", "hwo are you")
    wrong = (await store.of_conversation(alice, "talk", 10))[1]
    await store.update(
        alice, wrong.id, MemoryUpdate(text="how are you"), piece("how are you"), content_hash("how are you")
    )

    again = await add_turns(store, alice, "talk", "hello", "hwo are you", "fine")

    assert (again.stored, again.skipped) == (1, 2)


class TestForget:
    @pytest.fixture(autouse=True)
    async def memories(self, store: PostgresStore, alice: Scope) -> None:
        self.long = await add_note(store, alice, "long a", "long b", project="p", occurred_at=PAST)
        self.short = await add_note(store, alice, "short", project="q")
        await add_turns(store, alice, "talk", turn("hello", at=PAST), turn("world"), project="p")

    @pytest.mark.parametrize(
        ("selection", "left"),
        [
            pytest.param({"project": "p"}, {"short"}, id="project"),
            pytest.param({"conversation_id": "talk"}, {"long a", "long b", "short"}, id="conversation"),
            pytest.param({"before": PAST + timedelta(days=1)}, {"short", "world"}, id="before"),
            pytest.param({"before": PAST}, {"long a", "long b", "short", "hello", "world"}, id="before is exclusive"),
            pytest.param(
                {"project": "p", "before": PAST + timedelta(days=1), "conversation_id": "talk"},
                {"long a", "long b", "short", "world"},
                id="all conditions together",
            ),
            pytest.param({"project": "none"}, {"long a", "long b", "short", "hello", "world"}, id="nothing fits"),
        ],
    )
    async def test_forget_deletes_what_it_names_and_a_dry_run_tells_how_many(
        self, store: PostgresStore, alice: Scope, selection: dict[str, Any], left: set[str]
    ) -> None:
        all_of_them = set(await everything(store, alice))
        would = await store.forget(alice, Selection(**selection), dry_run=True)
        assert len(await everything(store, alice)) == 5, "a dry run deletes nothing"

        went = await store.forget(alice, Selection(**selection), dry_run=False)

        assert set(await everything(store, alice)) == left
        gone = {"long" if text.startswith("long") else text for text in all_of_them - left}
        assert went == would == len(gone), "pieces of one text are one memory"

    async def test_any_piece_stands_for_the_whole_text_in_forget(self, store: PostgresStore, alice: Scope) -> None:
        second = (await everything(store, alice))["long b"].id

        assert await store.forget(alice, Selection(ids=(second,)), dry_run=False) == 1
        assert "long a" not in await everything(store, alice)

    async def test_unknown_ids_are_no_error(self, store: PostgresStore, alice: Scope) -> None:
        assert await store.forget(alice, Selection(ids=(new_id(), self.short)), dry_run=False) == 1
        assert await store.forget(alice, Selection(ids=(self.short,)), dry_run=False) == 0

    async def test_archived_and_expired_memories_are_forgotten_too(
        self, store: PostgresStore, alice: Scope, database: Database
    ) -> None:
        await store.update(alice, self.short, MemoryUpdate(archived=True), None, None)
        await add_note(store, alice, "over", project="q", expires_at=PAST)

        assert await store.forget(alice, Selection(project="q"), dry_run=False) == 2

    async def test_a_conversation_without_turns_is_gone(self, store: PostgresStore, alice: Scope) -> None:
        await store.forget(alice, Selection(conversation_id="talk"), dry_run=False)

        assert (await store.stats(alice, None)).conversations == 0
        assert (await add_turns(store, alice, "talk", "hello", project="q")).stored == 1, "free for another project"

    async def test_a_conversation_with_turns_left_stays_and_can_be_continued(
        self, store: PostgresStore, alice: Scope
    ) -> None:
        hello = (await everything(store, alice))["hello"].id
        await store.forget(alice, Selection(ids=(hello,)), dry_run=False)

        await add_turns(store, alice, "talk", "again")

        assert [one.text for one in await store.of_conversation(alice, "talk", 10)] == ["world", "again"]

    async def test_turns_answered_while_their_conversation_is_forgotten_are_kept(
        self, store: PostgresStore, alice: Scope, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        locked, go_on = asyncio.Event(), asyncio.Event()
        look = conversations._new_turns

        async def look_late(*arguments: Any) -> Any:
            locked.set()
            await go_on.wait()
            return await look(*arguments)

        monkeypatch.setattr(conversations, "_new_turns", look_late)
        append = asyncio.create_task(add_turns(store, alice, "talk", "said meanwhile"))
        await locked.wait()
        forget = asyncio.create_task(store.forget(alice, Selection(conversation_id="talk"), dry_run=False))
        await until_a_session_waits_for_a_lock(database)
        go_on.set()

        assert (await append).stored == 1
        await forget
        assert [one.text for one in await store.of_conversation(alice, "talk", 10)] == ["said meanwhile"]


async def test_delete_expired_takes_only_what_is_over(store: PostgresStore, alice: Scope) -> None:
    await add_note(store, alice, "over", expires_at=PAST)
    await add_note(store, alice, "soon", expires_at=datetime.now(UTC) + timedelta(days=1))
    await add_note(store, alice, "never")

    assert await store.delete_expired() == 1
    assert set(await everything(store, alice)) == {"soon", "never"}


async def test_delete_expired_leaves_no_empty_conversation(
    store: PostgresStore, alice: Scope, bob: Scope, database: Database
) -> None:
    for scope, conversation in ((alice, "over"), (alice, "goes on"), (bob, "over")):
        await add_turns(store, scope, conversation, "hello")
    async with database.as_service() as connection:
        await connection.execute("update memories set expires_at = now()")
    await add_turns(store, alice, "goes on", "still here")

    assert await store.delete_expired() == 3
    assert [(await store.stats(scope, None)).conversations for scope in (alice, bob)] == [1, 0]
