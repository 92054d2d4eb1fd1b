"""Deletes what is no longer needed and keeps tables and indexes in shape, while a server may be running.

It deletes:
- expired memories
- after `cleanup_days`: archived memories, empty conversations without activity, tokens and grants that have ended
- changes in the log that are over a week old, finished sign-ins, counts of terms that no memory has
- what is left of users whose deletion was cut short, and of verifications that were killed
It never deletes a live memory. Then it vacuums our tables and rebuilds indexes that are twice as large as needed.

It leaves the search index alone: another process has it open, which follows the deletions through the change log.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from app.counted import counted
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

_DELETION_RUNS = timedelta(hours=1)  # a deletion that began later may still be running


@dataclass(slots=True)
class RelationSize:
    """A table or an index, in bytes. after: None in a dry run."""

    name: str
    before: int
    after: int | None = None


@dataclass(slots=True)
class MaintenanceReport:
    """What was done, or would be. removed: rows by what they are; bytes: of the database."""

    dry_run: bool
    cleanup_days: int
    removed: dict[str, int] = field(default_factory=dict)
    tables: list[RelationSize] = field(default_factory=list)
    rebuilt_indexes: list[RelationSize] = field(default_factory=list)
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
) -> MaintenanceReport:
    """Maintain a database; safe to repeat and to interrupt. Raises Conflict while another process does.

    cleanup_days: None for CLEANUP_DAYS. dry_run: count only. on_step: called with the name of each step as it begins.
    """
    began = time.monotonic()
    report = MaintenanceReport(dry_run, settings.cleanup_days if cleanup_days is None else cleanup_days)
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
        "maintained in %.1f s: %s removed, %s rebuilt",
        report.seconds,
        counted(0 if dry_run else sum(report.removed.values()), "row"),
        counted(0 if dry_run else len(report.rebuilt_indexes), "index", "indexes"),
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


async def _vacuum(work: Maintenance, report: MaintenanceReport, on_step: Callable[[str], None]) -> None:
    report.tables = [RelationSize(table.name, table.bytes) for table in await work.tables()]
    if report.dry_run:
        return
    for table in report.tables:
        on_step(f"vacuum {table.name}")
        await work.vacuum(table.name)
    after = {table.name: table.bytes for table in await work.tables()}
    for table in report.tables:
        table.after = after.get(table.name)


async def _rebuild(work: Maintenance, report: MaintenanceReport, on_step: Callable[[str], None]) -> None:
    report.dropped_indexes = await work.half_made()
    bloated: list[Relation] = await work.bloated()
    report.rebuilt_indexes = [RelationSize(index.name, index.bytes) for index in bloated]
    if report.dry_run:
        return
    for name in report.dropped_indexes:
        await work.drop_index(name)
    for index in report.rebuilt_indexes:
        on_step(f"rebuild {index.name}")
        index.after = await work.rebuild(index.name)
