"""Takes over what a memU service holds of a user, as far as its API lists it.

A memory is recognised by memU's id for it, and a subject's summary by its text: one that memU has written anew since
comes in beside the older one. Nothing of it is handed back to memU.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from app.errors import InvalidInput, NotOffered
from app.memory.requests import checked
from app.memory.types import Kind, Scope
from app.memu.generations import api_of
from app.memu.search import id_of, kind_of
from app.memu.service import Category, Generation, Item, MemuService
from app.ops.importing.entries import BadEntry, Entry, GoodEntry, Position
from app.ops.importing.lines import MemoryLine
from app.ops.importing.names import MEMU
from app.ops.importing.run import Importer, ImportReport
from app.ops.progress import Bar
from app.runtime.command_database import open_database
from app.runtime.composition import memu_service
from app.settings.loading import load_settings
from app.store.postgres import PostgresStore

_DEFAULT_SUBJECTS = "lists the memories of its own subjects; any outside them stay at memU"
_NOT_LISTED = {
    Generation.V1: _DEFAULT_SUBJECTS,
    Generation.V2: _DEFAULT_SUBJECTS,
    Generation.V3: "lists the summaries of subjects; the memories behind them stay at memU",
    Generation.V4: "lists the memories of the agent {agent!r} (DEFAULT_AGENT_ID); those of other agents stay at memU",
}


def run(*, project: str | None, user: str | None, data_dir: str | None, bar: Bar) -> ImportReport:
    """Import for a user, who has the same name at memU. Raises MemoryServerError; what came before it is stored."""
    settings = load_settings({"memory_data_dir": data_dir})
    if settings.memory_backend == "memu":
        raise NotOffered(
            "import --from memu: with MEMORY_BACKEND=memu memories stay at memU; set MEMORY_BACKEND=both or local first"
        )
    scope = Scope(user or settings.default_user_id, settings.default_agent_id)

    async def work() -> ImportReport:
        service = await asyncio.to_thread(memu_service, settings)  # first: no server is started without a key
        try:
            async with open_database(settings, "import") as db:
                importer = Importer(PostgresStore(db), scope, settings, project=project, bar=bar)
                return await take_over(importer, service, scope)
        finally:
            await service.close()

    return asyncio.run(work())


async def take_over(importer: Importer, service: MemuService, scope: Scope) -> ImportReport:
    """Import all that the service lists of a user, and note on the report what it does not list."""
    report = await importer.import_listed(_entries(service, scope), MEMU)
    left = _NOT_LISTED[service.generation].format(agent=scope.agent)
    report.note = f"memU's API {service.generation} {left}"
    return report


async def _entries(service: MemuService, scope: Scope) -> AsyncIterator[Entry]:
    offers = api_of(service.generation).offers
    if not offers.items:
        for category in await service.categories(scope.user, None):
            if category.summary:
                yield _summary(category)
        return
    seen: set[str] = set()
    async for item in service.listed(scope.user, None if offers.all_agents else scope.agent):
        if item.id not in seen:  # a memory can belong to several subjects
            seen.add(item.id)
            yield _memory(item)


def _memory(item: Item) -> Entry:
    metadata = {"source": MEMU, "memu_id": item.id, **({"memu_kind": item.kind} if item.kind else {})}
    times = {"created_at": item.created_at, "occurred_at": item.occurred_at}
    values = {"id": str(id_of(item.id)), "text": item.text, "kind": kind_of(item), "metadata": metadata, **times}
    return _entry(f"memory {item.id}", values)


def _summary(category: Category) -> Entry:
    metadata = {"source": MEMU, "memu_category": category.name}
    text = f"{category.name}: {category.summary}"
    return _entry(f"subject {category.name}", {"text": text, "kind": Kind.SUMMARY, "metadata": metadata})


def _entry(part: str, values: dict[str, Any]) -> Entry:
    position = Position(file=MEMU, part=part)
    try:
        line = checked(MemoryLine, {name: value for name, value in values.items() if value is not None})
    except InvalidInput as error:
        return BadEntry(position=position, reason=str(error))
    return GoodEntry(position=position, item=line, agent=MEMU)
