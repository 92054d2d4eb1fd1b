"""Numbers that cost a query: of all users for admins, of one user for everybody else."""

from __future__ import annotations

from typing import Any

from app.memory.types import Scope
from app.runtime import numbers
from app.runtime.runtime import Runtime
from app.settings.fields import Settings
from tests.support.local_model import E5, kept
from tests.support.mcp import running
from tests.support.rows import add_note


async def test_all_that_is_kept_is_counted(runtime: Runtime, alice: Scope, bob: Scope) -> None:
    store = runtime.running.opened.store
    for scope in (alice, bob):
        await add_note(store, scope, "a note")

    found = await numbers.numbers(runtime.running, has_workers=False)

    assert found["memories"] == 2
    assert found["database_bytes"] > 0
    assert found["backup_last_success"] == 0
    assert "worker_leads" not in found
    assert "memories_with_vector" not in found


async def test_every_gauge_that_is_set_from_a_number_has_its_number(runtime: Runtime) -> None:
    assert numbers.GAUGES.keys() <= (await numbers.numbers(runtime.running, has_workers=False)).keys()


async def test_where_there_can_be_workers_it_is_told_whether_one_leads(runtime: Runtime) -> None:
    assert (await numbers.numbers(runtime.running, has_workers=True))["worker_leads"] == 0


async def test_a_user_learns_of_own_memories_alone(runtime: Runtime, alice: Scope, bob: Scope) -> None:
    store = runtime.running.opened.store
    await add_note(store, alice, "mine")
    await add_note(store, bob, "not mine")

    assert await numbers.numbers_of(runtime.running, "alice") == {"memories": 1, "bytes": 4}


async def test_with_a_model_those_with_a_vector_are_counted(
    plain_settings: Settings, connect_arguments: dict[str, Any], alice: Scope
) -> None:
    kept(plain_settings.data_dir, E5)
    async with running(plain_settings, connect_arguments) as runtime:
        await add_note(runtime.running.opened.store, alice, "a note")

        found = await numbers.numbers(runtime.running, has_workers=False)

    assert (found["memories"], found["memories_with_vector"]) == (1, 0)
