"""Clears away what nobody needs any more, and keeps tables and indexes in shape, beside a running server.

What goes: expired memories; what has been old for `cleanup_days`, which is memories archived so long ago, conversations
without a message that nothing happened in since, tokens and clients' grants that ended before; the change log beyond
its week; what else is over (sign-ins, counts of terms that nothing holds); deletions of users that were cut short;
scratch databases of verifications that were killed. A live memory never goes.
Then our tables are vacuumed, and indexes twice as large as they need to be are rebuilt.

The search index is not touched: it is another process's, follows the deletions by the change log, and its engine
merges its own segments.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from app.runtime.command_database import admin_arguments
from app.runtime.housekeeping import LOG_KEPT
from app.settings.fields import Settings
from app.store.change_log import PostgresChangeLog
from app.store.database import Database
from app.store.maintenance import CLEANUPS, Maintenance, Relation, maintenance
from app.store.postgres import PostgresStore
from app.store.scratch import left_over
from app.store.users import Users

logger = logging.getLogger(__name__)

_DELETION_RUNS = timedelta(hours=1)  # one begun later may still be under way


@dataclass(slots=True)
class Size:
    """A table or an index, in bytes. after: None in a dry run."""

    name: str
    before: int
    after: int | None = None


@dataclass(slots=True)
class Report:
    """What was done, or would be. removed: rows by what they are; bytes are those of the database."""

    dry_run: bool
    cleanup_days: int
    removed: dict[str, int] = field(default_factory=dict)
    tables: list[Size] = field(default_factory=list)
    rebuilt_indexes: list[Size] = field(default_factory=list)
    dropped_indexes: list[str] = field(default_factory=list)
    bytes_before: int = 0
    bytes_after: int | None = None
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON values."""
        return {**asdict(self), "seconds": round(self.seconds, 3)}


async def maintain(
    settings: Settings,
    db: Database,
    cleanup_days: int | None = None,
    dry_run: bool = False,
    on_step: Callable[[str], None] = lambda what: None,
) -> Report:
    """Maintain a database; safe to repeat and to cut short. Raises Conflict while another process does.

    cleanup_days: CLEANUP_DAYS unless given. dry_run: count only. on_step: told what is begun.
    """
    began = time.monotonic()
    report = Report(dry_run, settings.cleanup_days if cleanup_days is None else cleanup_days)
    before = datetime.now(UTC) - timedelta(days=report.cleanup_days)
    async with maintenance(db) as work:
        report.bytes_before = await work.database_bytes()
        for cleanup in CLEANUPS:
            on_step(cleanup.name)
            do = work.count if dry_run else work.delete
            report.removed[cleanup.name] = await do(cleanup, before)
        on_step("change log")
        report.removed["old changes in the log"] = await _prune(db, dry_run)
        report.removed["users whose deletion was cut short"] = await _finish_deletions(db, dry_run, on_step)
        await _vacuum(work, report, on_step)
        await _rebuild(work, report, on_step)
        if not dry_run:
            report.bytes_after = await work.database_bytes()
        report.removed["databases of broken verifications"] = await left_over(
            admin_arguments(settings, db), drop=not dry_run
        )
    report.seconds = time.monotonic() - began
    logger.info(
        "maintained in %.1f s: %d rows removed, %d indexes rebuilt",
        report.seconds,
        0 if dry_run else sum(report.removed.values()),
        0 if dry_run else len(report.rebuilt_indexes),
    )
    return report


async def _prune(db: Database, dry_run: bool) -> int:
    log = PostgresChangeLog(db)
    if dry_run:
        return await log.prunable(LOG_KEPT)
    await PostgresStore(db).fold_term_counts()
    return await log.prune(LOG_KEPT)


async def _finish_deletions(db: Database, dry_run: bool, on_step: Callable[[str], None]) -> int:
    users = Users(db)
    now = datetime.now(UTC)
    cut_short = [
        row.user
        for row in await users.list()
        if row.deletion_begun_at is not None and now - row.deletion_begun_at > _DELETION_RUNS
    ]
    for user in cut_short if not dry_run else ():
        on_step(f"deletion of {user}")
        await users.delete(user)
    return len(cut_short)


async def _vacuum(work: Maintenance, report: Report, on_step: Callable[[str], None]) -> None:
    report.tables = [Size(table.name, table.bytes) for table in await work.tables()]
    if report.dry_run:
        return
    for table in report.tables:
        on_step(f"vacuum {table.name}")
        await work.vacuum(table.name)
    after = {table.name: table.bytes for table in await work.tables()}
    for table in report.tables:
        table.after = after.get(table.name)


async def _rebuild(work: Maintenance, report: Report, on_step: Callable[[str], None]) -> None:
    report.dropped_indexes = await work.half_made()
    bloated: list[Relation] = await work.bloated()
    report.rebuilt_indexes = [Size(index.name, index.bytes) for index in bloated]
    if report.dry_run:
        return
    for name in report.dropped_indexes:
        await work.drop_index(name)
    for index in report.rebuilt_indexes:
        on_step(f"rebuild {index.name}")
        index.after = await work.rebuild(index.name)
