"""What a memU service lists becomes memories here: once, with kind and times, and what it does not list is told."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from app.backoff import Backoff
from app.errors import MemuUnavailable
from app.memory.types import Kind, Memory, Scope
from app.memu.client import MemuClient
from app.memu.service import Category, Generation, Item, MemuService
from app.ops.importing import memu
from app.ops.importing.run import Importer, ImportReport
from app.ops.progress import Bar
from app.settings.fields import Settings
from app.store.postgres import PostgresStore
from tests.standins.memu import AT, On, Status, memu_service
from tests.support.memu import an_entry

TakeOver = Callable[[MemuService], Awaitable[ImportReport]]
LONG_AGO = datetime(2024, 2, 29, 8, tzinfo=UTC)


@pytest.fixture
def take_over(store: PostgresStore, plain_settings: Settings, alice: Scope) -> TakeOver:
    """Import for alice."""

    async def take_over(service: MemuService, project: str | None = None) -> ImportReport:
        importer = Importer(store, alice, plain_settings, project=project, bar=Bar("importing"))
        return await memu.take_over(importer, service, alice)

    return take_over


class Listing:
    """A service of which only the lists are asked."""

    def __init__(self, generation: str, *items: Item, categories: tuple[Category, ...] = ()) -> None:
        self.generation = Generation(generation)
        self.items, self.given = list(items), list(categories)
        self.fails = False
        self.asked: list[tuple[str, str | None]] = []

    async def categories(self, user: str, agent: str | None) -> list[Category]:
        self.asked.append((user, agent))
        return self.given

    async def listed(self, user: str, agent: str | None) -> AsyncIterator[Item]:
        self.asked.append((user, agent))
        for item in self.items:
            yield item
        if self.fails:
            raise MemuUnavailable("it went away")


def as_service(listing: Listing) -> MemuService:
    return listing  # type: ignore[return-value]  # has what an import asks


async def stored(store: PostgresStore, scope: Scope) -> dict[str, Memory]:
    return {memory.text: memory for memory in await store.recent(scope, 100)}


@pytest.mark.parametrize(
    ("generation", "texts", "says"),
    [
        ("v1", {"I like apples.", "I moved to Oslo."}, "any outside them stay at memU"),
        ("v2", {"I like apples.", "I moved to Oslo."}, "any outside them stay at memU"),
        ("v3", {"event: I like apples. I moved to Oslo."}, "the memories behind them stay at memU"),
        ("v4", {"I like apples.", "I moved to Oslo."}, "those of other agents stay at memU"),
    ],
)
async def test_all_that_a_generation_lists_comes_in_once(
    store: PostgresStore, alice: Scope, take_over: TakeOver, generation: str, texts: set[str], says: str
) -> None:
    with memu_service() as service:
        client = MemuClient(
            service.url, service.key, Generation(generation), backoff=Backoff(first_s=0.0, longest_s=0.0)
        )
        try:
            for text in ("I like apples.", "I moved to Oslo."):
                await client.memorize(an_entry(text, user=alice.user, agent=alice.agent))
            await client.memorize(an_entry("Bob's.", user="bob", agent=alice.agent))
            first, again = await take_over(client), await take_over(client)
        finally:
            await client.close()

    assert set(await stored(store, alice)) == texts
    assert (first.memories_stored, again.memories_stored, again.memories_skipped) == (len(texts), 0, len(texts))
    assert first.summary().splitlines()[-1] == first.note
    assert first.note is not None
    assert first.note.startswith(f"memU's API {generation} lists ")
    assert first.note.endswith(says)
    assert first.to_json()["note"] == first.note


async def test_kind_times_and_origin_are_kept(store: PostgresStore, alice: Scope, take_over: TakeOver) -> None:
    created = datetime.fromisoformat(AT)
    item = Item(id="mem_1", text="Ann likes tea.", kind="behavior", created_at=created, occurred_at=LONG_AGO)

    await take_over(as_service(Listing("v1", item)))

    memory = (await stored(store, alice))["Ann likes tea."]
    assert (memory.kind, memory.created_at, memory.occurred_at) == (Kind.PREFERENCE, created, LONG_AGO)
    assert memory.metadata == {"source": "memu", "memu_id": "mem_1", "memu_kind": "behavior"}


async def test_summaries_of_subjects_come_in_as_summaries(
    store: PostgresStore, alice: Scope, take_over: TakeOver
) -> None:
    subjects = (Category(name="food", summary="likes tea"), Category(name="empty"))

    await take_over(as_service(Listing("v3", categories=subjects)))

    [memory] = (await stored(store, alice)).values()
    assert (memory.text, memory.kind) == ("food: likes tea", Kind.SUMMARY)
    assert memory.metadata == {"source": "memu", "memu_category": "food"}


async def test_a_memory_of_two_subjects_is_one(alice: Scope, take_over: TakeOver) -> None:
    item = Item(id="1", text="t", kind="event")

    report = await take_over(as_service(Listing("v1", item, replace(item, kind="profile"))))

    assert (report.memories_stored, report.memories_skipped) == (1, 0)


async def test_a_memory_that_was_changed_here_is_not_imported_again(
    store: PostgresStore, alice: Scope, take_over: TakeOver
) -> None:
    theirs = "0198a6a0-0000-7000-8000-000000000001"
    await take_over(as_service(Listing("v1", Item(id=theirs, text="old"))))

    report = await take_over(as_service(Listing("v1", Item(id=theirs, text="new"))))

    [memory] = (await stored(store, alice)).values()
    assert (memory.id, memory.text, report.memories_skipped) == (UUID(theirs), "old", 1)


async def test_what_cannot_be_stored_is_named_and_the_rest_comes_in(alice: Scope, take_over: TakeOver) -> None:
    report = await take_over(as_service(Listing("v1", Item(id="7", text="x" * 1_000_001), Item(id="8", text="fine"))))

    assert (report.memories_stored, report.bad) == (1, 1)
    assert str(report.problems[0].position) == "memu, memory 7"


async def test_what_was_listed_before_the_service_failed_is_stored(
    store: PostgresStore, alice: Scope, take_over: TakeOver
) -> None:
    listing = Listing("v4", Item(id="1", text="before"))
    listing.fails = True

    with pytest.raises(MemuUnavailable, match="it went away"):
        await take_over(as_service(listing))

    assert set(await stored(store, alice)) == {"before"}


@pytest.mark.parametrize(("generation", "of_all"), [("v1", True), ("v2", True), ("v3", True), ("v4", False)])
async def test_all_agents_are_asked_for_where_the_api_can(
    alice: Scope, take_over: TakeOver, generation: str, of_all: bool
) -> None:
    listing = Listing(generation)

    await take_over(as_service(listing))

    assert listing.asked == [(alice.user, None if of_all else alice.agent)]


async def test_a_service_that_is_busy_is_asked_again(alice: Scope, take_over: TakeOver) -> None:
    with memu_service() as service:
        client = MemuClient(service.url, service.key, Generation.V4, backoff=Backoff(first_s=0.0, longest_s=0.0))
        try:
            await client.memorize(an_entry("I like apples.", user=alice.user, agent=alice.agent))
            service.trouble.append(On("list", Status(503)))
            report = await take_over(client)
        finally:
            await client.close()

    assert report.memories_stored == 1
