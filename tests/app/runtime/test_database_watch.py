"""The watch over the embedded database: what does not answer is told once, and so long."""

from __future__ import annotations

import asyncio

import pytest

from app.errors import StoreUnavailable
from app.runtime import database_watch
from app.runtime.database_watch import DatabaseWatch
from app.store.postgres import PostgresStore
from tests.support.waiting import until


async def test_a_database_that_does_not_answer_is_told_of_until_it_does(
    store: PostgresStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    watch = DatabaseWatch(store, embedded=True, check_every_s=0.01, check_every_in_trouble_s=0.01)
    asked = 0

    async def away() -> None:
        nonlocal asked
        asked += 1
        raise StoreUnavailable("no answer")

    watching = asyncio.create_task(watch.run())
    with monkeypatch.context() as patch:
        patch.setattr(store, "ping", away)
        await until(lambda: asked > 3, "it was asked again")
        assert watch.problem == "no answer"
    await until(lambda: watch.problem is None, "it answers")
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)

    assert [record.message for record in caplog.records] == ["no answer"]


async def test_a_database_server_is_left_to_its_heartbeat(
    store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = 0

    def look() -> None:
        nonlocal looked
        looked += 1

    monkeypatch.setattr(database_watch, "give_memory_back", look)
    monkeypatch.setattr(store, "ping", None)
    watching = asyncio.create_task(DatabaseWatch(store, embedded=False, check_every_s=0.01).run())
    await until(lambda: looked > 2, "it has looked")
    assert not watching.done()
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
