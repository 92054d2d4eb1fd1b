"""The same ranking everywhere: embedded, on a server, on several shards, with any other users, fed or not fed yet."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest

from app.memory.ports import Domain
from app.memory.types import Scope
from app.settings.fields import Settings
from app.store.collections import PostgresCollections
from app.store.database import Database
from app.store.postgres import PostgresStore
from tests.support.domain import converse, domain_on, look_for, memorize, minutes
from tests.support.qdrant import answering, fed, feeding
from tests.support.waiting import until

WORDS = [
    f"{first}{second}" for first in ("ba", "ko", "mi", "tu", "ze", "ra") for second in ("lan", "pod", "fig", "tor")
]
NAMES = ["Ann", "Ben", "Cleo"]
USERS = [Scope("alice"), Scope("bob"), Scope("carol")]


def sentence(choose: random.Random, longest: int = 12) -> str:
    """Return some words, the first of the list far more often than the last."""
    return " ".join(
        WORDS[min(int(choose.expovariate(0.25)), len(WORDS) - 1)] for _ in range(choose.randint(1, longest))
    )


async def write(domain: Domain, scope: Scope, choose: random.Random) -> None:
    """Remember conversations and notes of a user."""
    for talk in range(4):
        said = [
            {
                "role": choose.choice(["user", "assistant"]),
                "name": choose.choice(NAMES),
                "content": sentence(choose),
                "time": minutes(talk * 1_000 + turn).isoformat(),
            }
            for turn in range(choose.randint(3, 25))
        ]
        await converse(domain, scope, said, conversation_id=f"talk {talk}", project=choose.choice(["p", "q", None]))
    for number in range(15):
        kind, tags = choose.choice(["note", "fact"]), choose.sample(["x", "y"], choose.randint(0, 2))
        await memorize(
            domain, scope, f"{sentence(choose)} {number}", kind=kind, tags=tags, project=choose.choice(["p", None])
        )


def questions(choose: random.Random) -> Iterator[tuple[str, dict[str, Any]]]:
    """Return questions with limits of every kind."""
    limits: list[dict[str, Any]] = [{}, {}, {"project": "p"}, {"kinds": ["turn"]}, {"tags": ["x"]}, {"role": "user"}]
    limits += [{"conversation_id": "talk 1"}, {"since": minutes(900).isoformat(), "until": minutes(2_005).isoformat()}]
    for number in range(40):
        name = f"What did {choose.choice(NAMES)} say of" if number % 3 == 0 else "when"
        yield f"{name} {sentence(choose, 4)}", {"limit": choose.choice([5, 20, 100]), **choose.choice(limits)}


async def assert_same(embedded: Domain, remote: Domain, choose: random.Random) -> None:
    compared = 0
    for scope in USERS:
        for query, limits in questions(choose):
            wanted = await look_for(embedded, scope, query, explain=True, **limits)
            got = await look_for(remote, scope, query, explain=True, **limits)
            assert (wanted.degraded, got.degraded) == (False, False)
            assert [one.memory.id for one in got.results] == [one.memory.id for one in wanted.results], (query, limits)
            assert [one.score for one in got.results] == [one.score for one in wanted.results]
            assert got.explanation is not None
            assert got.explanation == wanted.explanation
            assert not any(hit.changed for hit in got.explanation.hits.values()), "its words add up to the score"
            compared += len(wanted.results)
    assert compared > 1_000


@pytest.mark.parametrize("shards", [1, 2, 5])
async def test_order_and_scores_are_those_of_the_embedded_index(
    domain: Domain, store: PostgresStore, database: Database, qdrant_settings: Settings, shards: int
) -> None:
    choose = random.Random(shards)
    qdrant_settings = qdrant_settings.model_copy(update={"qdrant_shards": shards})
    for scope in USERS:
        await write(domain, scope, choose)
    async with feeding(database, qdrant_settings) as feeder:
        await fed(feeder)

        async def level() -> bool:
            return await PostgresCollections(database).lag(10) == (0, 0.0)

        await until(level, "all is fed")
    async with answering(database, qdrant_settings) as index:
        await assert_same(domain, domain_on(store, index), choose)


async def test_what_is_not_fed_yet_is_ranked_the_same(
    domain: Domain, store: PostgresStore, database: Database, qdrant_settings: Settings
) -> None:
    choose = random.Random(7)
    async with feeding(database, qdrant_settings) as feeder:
        await fed(feeder)
    for scope in USERS:
        await write(domain, scope, choose)

    async with answering(database, qdrant_settings) as index:
        await assert_same(domain, domain_on(store, index), choose)


async def test_what_is_fed_in_part_is_ranked_the_same(
    domain: Domain, store: PostgresStore, database: Database, qdrant_settings: Settings
) -> None:
    choose = random.Random(11)
    for scope in USERS:
        await write(domain, scope, choose)
    async with feeding(database, qdrant_settings) as feeder:
        await fed(feeder)
    for scope in USERS:  # more turns of the same conversations too
        await converse(domain, scope, [sentence(choose) for _ in range(5)], conversation_id="talk 3")
        await memorize(domain, scope, f"late {sentence(choose)}")

    async with answering(database, qdrant_settings) as index:
        await assert_same(domain, domain_on(store, index), choose)
