"""The outbox from the command line, beside a running server or without one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from app.memory.outbox import OutboxState
from app.runtime.command_database import Answer, ask_database
from app.settings.loading import load_settings
from app.store.database import Database
from app.store.outbox_review import OutboxReview, OutboxRow


def listing(data_dir: str | None, *, refused: bool, texts: bool, limit: int) -> list[OutboxRow]:
    """Return entries, oldest first. refused: only those. texts: with what they hand over."""
    state = OutboxState.REFUSED if refused else None
    return _ask(data_dir, lambda db: OutboxReview(db).list(state=state, texts=texts, limit=limit))


def retry(data_dir: str | None, ids: Sequence[int] | None) -> int:
    """Have entries sent again, all refused ones without ids; return how many. Raises NotFound and Conflict."""
    return _ask(data_dir, lambda db: OutboxReview(db).retry(ids))


def drop(
    data_dir: str | None, ids: Sequence[int] | None, agreed: Callable[[list[OutboxRow], bool], bool]
) -> int | None:
    """Remove entries, all refused ones without ids, if `agreed` says yes; return how many, None if it said no.

    agreed: is given the entries, and whether their memories stay here. Raises NotFound.
    """
    keeps = load_settings({"memory_data_dir": data_dir}).memory_backend != "memu"

    async def show_and_drop(db: Database) -> int | None:
        review = OutboxReview(db)
        rows = await review.list(ids=ids, state=OutboxState.REFUSED if ids is None else None)
        if rows and not await asyncio.to_thread(agreed, rows, keeps):
            return None
        return await review.drop([row.id for row in rows] if ids is None else ids, keeps=keeps)

    return _ask(data_dir, show_and_drop)


def _ask(data_dir: str | None, question: Callable[[Database], Awaitable[Answer]]) -> Answer:
    return ask_database(load_settings({"memory_data_dir": data_dir}), "outbox", question)
