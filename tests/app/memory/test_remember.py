"""Remembering: whole, once, clean of credentials, or not at all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from app.errors import InvalidInput
from app.index.follower import Follower
from app.memory import requests
from app.memory.ports import Domain
from app.memory.remember import remember, remember_conversation
from app.memory.requests import checked
from app.memory.types import Scope, Stored
from app.store.database import Database
from app.store.postgres import PostgresStore
from tests.support.domain import NOON, change, converse, domain_on, memorize, texts_for

KEY = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"  # made up


async def store_text(domain: Domain, scope: Scope, **arguments: Any) -> Stored:
    return await remember(domain, scope, checked(requests.Memorize, arguments))


async def count(domain: Domain, scope: Scope) -> int:
    return (await domain.store.stats(scope, None)).memories


async def test_what_is_remembered_is_found_with_all_that_belongs_to_it(domain: Domain, alice: Scope) -> None:
    id_ = await memorize(
        domain, alice, "We chose PostgreSQL.", kind="decision", project="shop", tags=["db"], metadata={"by": ["Ann"]}
    )

    memory = (await domain.store.get(alice, [id_]))[id_]

    assert (memory.text, memory.kind, memory.project) == ("We chose PostgreSQL.", "decision", "shop")
    assert (memory.tags, memory.metadata) == (("db",), {"by": ["Ann"]})
    assert await texts_for(domain, alice, "postgresql") == ["We chose PostgreSQL."]


async def test_the_same_text_again_is_a_duplicate_of_the_first(domain: Domain, alice: Scope) -> None:
    first = await store_text(domain, alice, text="once")
    again = await store_text(domain, alice, text="once")

    assert (again.id, again.created, again.duplicate, again.updated) == (first.id, False, True, ())
    assert await count(domain, alice) == 1


async def test_the_same_text_again_is_found_by_the_tags_and_the_kind_that_came_with_it(
    domain: Domain, alice: Scope
) -> None:
    await store_text(domain, alice, text="The pump is serviced by Ines.", kind="fact", tags=["garden"])

    again = await store_text(domain, alice, text="The pump is serviced by Ines.", tags=["people"])
    last = await store_text(domain, alice, text="The pump is serviced by Ines.", kind="reference")

    assert (again.updated, last.updated) == (("tags",), ("kind",)), "a kind that is not given replaces none"
    for limits in ({"tags": ["garden", "people"]}, {"kinds": ["reference"]}):
        assert await texts_for(domain, alice, "pump", **limits) == ["The pump is serviced by Ines."]


@pytest.mark.parametrize(
    ("first", "again", "updated"),
    [
        pytest.param(5, 9, ("expires_in_days",), id="later"),
        pytest.param(5, None, ("expires_in_days",), id="for ever"),
        pytest.param(9, 5, (), id="sooner"),
        pytest.param(None, 5, (), id="for ever at first"),
    ],
)
async def test_the_same_text_again_lives_as_long_as_the_longer_of_the_two(
    domain: Domain, alice: Scope, first: int | None, again: int | None, updated: tuple[str, ...]
) -> None:
    await store_text(domain, alice, text="once", expires_in_days=first)

    assert (await store_text(domain, alice, text="once", expires_in_days=again)).updated == updated


@pytest.mark.parametrize(
    "other",
    [
        pytest.param("Gru\u0308ße aus Zu\u0308rich", id="decomposed"),
        pytest.param(" \n\tGrüße aus Zürich\u00a0\n", id="white space at the ends"),
    ],
)
async def test_one_text_in_two_forms_is_stored_once(domain: Domain, alice: Scope, other: str) -> None:
    first = await store_text(domain, alice, text="Grüße aus Zürich")
    again = await store_text(domain, alice, text=other)
    said = [{"role": "user", "content": text} for text in ("Grüße aus Zürich", other)]
    stored = [(await converse(domain, alice, [one], conversation_id="talk")).stored for one in said]

    assert (again.id, again.duplicate) == (first.id, True)
    assert stored == [1, 0]


async def test_names_in_two_unicode_forms_are_one(domain: Domain, alice: Scope) -> None:
    decomposed, composed = "Cafe\u0301 Lumie\u0300re", "Café Lumière"
    await memorize(domain, alice, "One about beans.", project=decomposed, tags=[decomposed, composed])
    await memorize(domain, alice, "Two about beans.", project=f" {composed} ", tags=[composed])
    await converse(domain, alice, [{"role": "user", "name": decomposed, "content": "hi"}], project=decomposed)

    stats = await domain.store.stats(alice, None)
    assert stats.by_project == {composed: 3}
    for name in (decomposed, composed):
        assert len(await texts_for(domain, alice, "beans", project=name, tags=[name])) == 2


async def test_a_long_text_is_kept_in_linked_pieces_and_all_of_it_is_found(
    store: PostgresStore, follower: Follower, alice: Scope
) -> None:
    domain = domain_on(store, follower, piece_characters=200)
    text = "\n\n".join(f"Paragraph {n} is about subject{n}." + " More words follow here." * 6 for n in range(8))

    id_ = await memorize(domain, alice, text)

    around = await store.neighbours(alice, [id_], 0, 1_000)
    assert "".join(one.text for one in around[id_]) == text
    assert all(len(one.text) <= 200 for one in around[id_])
    for n in range(8):
        assert f"subject{n}." in (await texts_for(domain, alice, f"subject{n}", limit=1))[0]
    assert (await store_text(domain, alice, text=text)).duplicate


async def test_an_expiring_memory_is_found_until_then(domain: Domain, alice: Scope, database: Database) -> None:
    id_ = await memorize(domain, alice, "for a while", expires_in_days=2)
    memory = (await domain.store.get(alice, [id_]))[id_]

    assert memory.expires_at is not None
    assert timedelta(days=2) - timedelta(minutes=1) < memory.expires_at - datetime.now(UTC) < timedelta(days=2)
    assert await texts_for(domain, alice, "while") == ["for a while"]

    async with database.as_service() as connection:
        await connection.execute("update memories set expires_at = now()")
    assert await texts_for(domain, alice, "while") == []


@pytest.mark.parametrize("days", [1e-300, 36_500])
async def test_the_shortest_and_the_longest_expiry_work(domain: Domain, alice: Scope, days: float) -> None:
    id_ = await memorize(domain, alice, "text", expires_in_days=days)
    if days > 1:
        assert await change(domain, alice, id_, expires_in_days=1e-300) == 2
    assert await domain.store.get(alice, [id_]) == {}


class TestCredentials:
    async def test_they_never_reach_the_database(self, domain: Domain, alice: Scope, database: Database) -> None:
        stored = await store_text(
            domain, alice, text=f"the key is {KEY}", tags=[KEY], metadata={"key": KEY, "list": [KEY]}
        )
        said = await remember_conversation(
            domain,
            alice,
            checked(
                requests.MemorizeConversation,
                {"messages": [{"role": "user", "content": f"use {KEY}"}], "title": f"about {KEY}"},
            ),
        )

        async with database.as_service() as connection:
            for table in ("memories", "conversations", "changes"):
                rows = await connection.fetch(f"select row_to_json({table})::text as row from {table}")
                assert KEY not in str(rows)
        assert (stored.redacted, said.redacted) == (4, 2)
        assert "[redacted: " in (await texts_for(domain, alice, "key"))[0]

    async def test_an_update_is_cleaned_too(self, domain: Domain, alice: Scope) -> None:
        id_ = await memorize(domain, alice, "text")
        await change(domain, alice, id_, text=f"now {KEY}", tags=[KEY], metadata={"a": KEY})

        memory = (await domain.store.get(alice, [id_]))[id_]
        assert KEY not in f"{memory.text} {memory.tags} {memory.metadata}"

    async def test_switched_off_they_are_kept(self, store: PostgresStore, follower: Follower, alice: Scope) -> None:
        domain = domain_on(store, follower, redact=False)

        assert (await store_text(domain, alice, text=f"the key is {KEY}")).redacted == 0
        assert KEY in (await texts_for(domain, alice, "key"))[0]


class TestConversation:
    async def test_each_message_becomes_a_turn_with_its_speaker_and_time(self, domain: Domain, alice: Scope) -> None:
        stored = await converse(
            domain,
            alice,
            [
                {"role": "user", "name": "Ann", "content": "Shall we?", "time": "2026-05-08T12:00:00Z", "id": "m1"},
                {"role": "assistant", "content": "Yes."},
            ],
            conversation_id="talk",
            project="shop",
        )

        first, second = await domain.store.of_conversation(alice, "talk", 10)
        assert (stored.conversation_id, stored.stored, stored.skipped) == ("talk", 2, 0)
        assert (first.kind, first.role, first.name, first.message_id) == ("turn", "user", "Ann", "m1")
        assert (first.occurred_at, first.project) == (NOON, "shop")
        assert (second.role, second.name, second.message_id, second.occurred_at) == ("assistant", None, None, None)

    async def test_without_an_id_the_same_call_again_meets_its_own_conversation(
        self, domain: Domain, alice: Scope
    ) -> None:
        first = await converse(domain, alice, ["hello", "world"])
        again = await converse(domain, alice, ["hello", "world"])
        other = await converse(domain, alice, ["hello", "moon"])

        assert UUID(first.conversation_id).version == 8
        assert again.conversation_id == first.conversation_id
        assert (again.stored, again.skipped) == (0, 2)
        assert other.conversation_id != first.conversation_id

    async def test_a_long_message_is_cut_and_its_pieces_share_its_id(
        self, store: PostgresStore, follower: Follower, alice: Scope
    ) -> None:
        domain = domain_on(store, follower, piece_characters=200)
        text = "A sentence about apples. " * 30

        stored = await converse(domain, alice, [{"role": "user", "content": text, "id": "m1"}], conversation_id="talk")

        turns = await store.of_conversation(alice, "talk", 100)
        assert stored.stored == 1, "messages are counted, not pieces"
        assert "".join(turn.text for turn in turns) == text
        assert {turn.message_id for turn in turns} == {"m1"}

    async def test_a_refused_project_stores_nothing(self, domain: Domain, alice: Scope) -> None:
        await converse(domain, alice, ["hello"], conversation_id="talk", project="p")

        with pytest.raises(InvalidInput, match="project: got 'q', takes 'p'"):
            await converse(domain, alice, ["new"], conversation_id="talk", project="q")

        assert await count(domain, alice) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param({"messages": [{"role": "user", "content": "good"}, {"role": "user", "content": ""}]}, id="last"),
        pytest.param({"messages": [{"role": "user", "content": "good"}] * 10_000}, id="too many"),
        pytest.param({"messages": [{"role": "user", "content": "good", "time": "soon"}]}, id="time"),
    ],
)
async def test_a_conversation_with_one_bad_message_is_not_stored_in_part(
    domain: Domain, alice: Scope, arguments: dict[str, list[dict[str, Any]]]
) -> None:
    with pytest.raises(InvalidInput):
        await remember_conversation(domain, alice, checked(requests.MemorizeConversation, arguments))

    assert await count(domain, alice) == 0
    assert (await domain.store.stats(alice, None)).conversations == 0


async def test_what_cannot_be_stored_in_the_middle_leaves_nothing_of_the_conversation(
    domain: Domain, alice: Scope, database: Database
) -> None:
    async with database.as_service() as connection:
        await connection.execute("alter table memories add constraint no_third check (text <> 'third')")

    from asyncpg import CheckViolationError

    with pytest.raises(CheckViolationError):
        await converse(domain, alice, ["first", "second", "third"], conversation_id="talk")

    assert await count(domain, alice) == 0
    assert (await converse(domain, alice, ["first"], conversation_id="talk")).stored == 1


async def test_the_same_text_without_an_end_takes_the_firsts_end_away(domain: Domain, alice: Scope) -> None:
    first = await store_text(domain, alice, text="keep me", expires_in_days=1)
    again = await store_text(domain, alice, text="keep me")

    assert again.duplicate
    assert (await domain.store.get(alice, [first.id]))[first.id].expires_at is None


async def test_the_same_text_with_an_earlier_end_keeps_the_later_one(domain: Domain, alice: Scope) -> None:
    first = await store_text(domain, alice, text="keep me", expires_in_days=30)
    before = (await domain.store.get(alice, [first.id]))[first.id].expires_at
    await store_text(domain, alice, text="keep me", expires_in_days=1)

    assert (await domain.store.get(alice, [first.id]))[first.id].expires_at == before


async def test_credentials_in_names_are_taken_out_too(domain: Domain, alice: Scope) -> None:
    stored = await store_text(domain, alice, text="a note", project=KEY)
    message = {"role": "user", "content": "hello there", "name": KEY, "id": KEY}
    talk = await remember_conversation(
        domain, alice, checked(requests.MemorizeConversation, {"messages": [message], "conversation_id": KEY})
    )

    assert (stored.redacted, talk.redacted) == (1, 3)
    assert KEY not in str(await domain.store.recent(alice, 10))
    assert KEY not in talk.conversation_id
