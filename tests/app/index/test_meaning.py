"""With vectors, search finds and ranks the same embedded and on a server, whatever of it the server has yet."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from app.index.embedded.engine import EmbeddedEngine
from app.index.follower import Follower
from app.index.qdrant.shape import Shape
from app.memory.ports import Domain
from app.memory.types import Scope
from app.memory.vectors import unpack
from app.settings.fields import Settings
from app.store.change_log import PostgresChangeLog
from app.store.collections import PostgresCollections
from app.store.database import Database
from app.store.embeddings import Embeddings
from app.store.postgres import PostgresStore
from tests.support.domain import change, converse, domain_on, look_for, memorize, minutes
from tests.support.qdrant import QUICK_SEARCH, answering, fed, feeding
from tests.support.vectors import kept
from tests.support.waiting import until

MODEL = "model"
PATIENT = replace(QUICK_SEARCH, answer_s=30.0)  # for a busy machine: an answer without the index says nothing here
TALK = ["My car broke down", "Which car?", "The red one, near the bridge", "Take the train", "The train is late"]


class Questions:
    """The vectors of questions, at once."""

    async def vector(self, question: str) -> tuple[float, ...]:
        return tuple(unpack(kept(question)))


@pytest.fixture
def embed(database: Database) -> Callable[..., Awaitable[None]]:
    async def embed(model: str = MODEL) -> None:
        embeddings = Embeddings(database)
        found, _ = await embeddings.older(model, UUID(int=2**128 - 1), 1_000)
        await embeddings.store(model, [(one, kept(one.text)) for one in found])

    return embed


@pytest.fixture
async def embedded(database: Database, store: PostgresStore, index_folder: Path) -> AsyncIterator[Domain]:
    """The domain on the embedded index."""
    log = PostgresChangeLog(database, MODEL)
    follower = Follower(
        log, lambda database_id, space: EmbeddedEngine.open(index_folder, database_id, space), catch_up_timeout_s=30.0
    )
    await follower.start()
    await follower.wait_filled(10)
    yield replace(domain_on(store, follower), questions=Questions())
    await follower.stop()


@pytest.fixture
async def on_a_server(database: Database, store: PostgresStore, qdrant_settings: Settings) -> AsyncIterator[Domain]:
    """The domain on a server."""
    async with feeding(database, qdrant_settings, MODEL) as feeder:
        await fed(feeder)
    async with answering(database, qdrant_settings, MODEL, limits=PATIENT) as index:
        yield replace(domain_on(store, index), questions=Questions())


async def write(domain: Domain, scope: Scope, part: int) -> UUID:
    """Store one of two domain of what there is."""
    said = [
        {"role": "user", "content": text, "time": minutes(number).isoformat(), "id": f"{part} {number}"}
        for number, text in enumerate(TALK)
    ]
    await converse(domain, scope, said, conversation_id=f"talk {part}", project="p")
    await memorize(domain, scope, f"a garden with trees, {part}")
    return await memorize(domain, scope, f"an automobile is a car, {part}")


async def ranked(domain: Domain, scope: Scope, query: str, **where: Any) -> list[tuple[UUID, Any]]:
    found = await look_for(domain, scope, query, explain=True, **where)
    assert not found.degraded
    assert found.explanation is not None
    assert not any(hit.changed for hit in found.explanation.hits.values())
    return [(one.memory.id, pytest.approx(one.score, abs=0.001)) for one in found.results]


@pytest.mark.parametrize("lacking", ["nothing", "the second part", "all vectors"])
async def test_results_and_scores_are_the_same(
    embedded: Domain,
    on_a_server: Domain,
    database: Database,
    qdrant_settings: Settings,
    alice: Scope,
    bob: Scope,
    embed: Callable[..., Awaitable[None]],
    lacking: str,
) -> None:
    async def feed() -> None:
        async with feeding(database, qdrant_settings, MODEL) as feeder:
            await fed(feeder)
            await until(with_vectors, "a collection with vectors is live")
            await until(lambda: feeder.lag[0] == 0, "it is level")

    async def with_vectors() -> bool:
        live = await PostgresCollections(database).live()
        return live is not None and Shape.read(live.shape).size == 64

    first = await write(embedded, alice, 1)
    await write(embedded, bob, 1)
    if lacking != "all vectors":
        await embed()
        await feed()
    await write(embedded, alice, 2)
    await change(embedded, alice, first, text="an automobile has wheels")
    if lacking != "all vectors":
        await embed()
    if lacking == "nothing":
        await feed()

    for query in ("automobile", "which car is red", "train", "garden trees", "zebra"):
        for where in ({}, {"project": "p"}, {"limit": 3}):
            expected = await ranked(embedded, alice, query, **where)
            assert await ranked(on_a_server, alice, query, **where) == expected
            assert expected or lacking == "all vectors"
