"""Decides which backups are kept: the newest of each of the last days, weeks and months that have one.

This is known as grandfather-father-son. Only backups that this database lists are ever deleted, so others in the same
directory or bucket are safe. The newest good one and the newest verified one are always kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from app.counted import counted
from app.ops.backup.places import backup_place
from app.settings.fields import Settings
from app.store.backups import Backup, Backups
from app.store.database import Database


@dataclass(frozen=True, slots=True)
class Keep:
    """For how many days, weeks and months the newest backup of each is kept."""

    daily: int
    weekly: int
    monthly: int


@dataclass(frozen=True, slots=True)
class PruneReport:
    """What was deleted, or would be. lost: known backups whose file is gone or has another length."""

    kept: tuple[str, ...]
    deleted: tuple[str, ...]
    lost: tuple[str, ...]
    dry_run: bool

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON values."""
        return {
            "kept": list(self.kept),
            "deleted": list(self.deleted),
            "lost": list(self.lost),
            "dry_run": self.dry_run,
        }

    def summary(self) -> str:
        """Return lines for people."""
        did = "would delete" if self.dry_run else "deleted"
        lines = [f"kept {counted(len(self.kept), 'backup')}, {did} {len(self.deleted)}, lost {len(self.lost)}"]
        lines += [f"{did} {name}" for name in self.deleted]
        lines += [f"lost {name}: the file is gone or has another length" for name in self.lost]
        return "\n".join(lines)


async def prune(settings: Settings, db: Database, *, dry_run: bool = False, forget_lost: bool = False) -> PruneReport:
    """Delete the backups that BACKUP_KEEP_DAILY, _WEEKLY and _MONTHLY do not keep.

    forget_lost: also removes lost ones from the list; not the default, as a disk may just not be mounted.
    Raises PlaceUnusable when a place does not answer; nothing is deleted before all have answered.
    """
    known = Backups(db)
    good: list[Backup] = []
    lost: list[Backup] = []
    for backup in await known.list():
        intact = await backup_place(settings, backup.place).size() == backup.size
        (good if intact else lost).append(backup)
    keep = to_keep(good, Keep(settings.backup_keep_daily, settings.backup_keep_weekly, settings.backup_keep_monthly))
    old = [backup for backup in good if backup not in keep]
    if not dry_run:
        for backup in old:
            await backup_place(settings, backup.place).delete()
            await known.forget(backup.place)
        for backup in lost if forget_lost else ():
            await known.forget(backup.place)
    names = tuple(backup.place for backup in good if backup in keep)
    deleted, missing = (tuple(backup.place for backup in backups) for backups in (old, lost))
    return PruneReport(names, deleted, missing, dry_run)


def to_keep(backups: Iterable[Backup], keep: Keep) -> set[Backup]:
    """Return which of the good backups to keep."""
    newest_first = sorted(backups, key=lambda backup: backup.taken_at, reverse=True)
    periods: list[tuple[int, Callable[[datetime], tuple[int, ...]]]] = [
        (keep.daily, lambda at: (at.year, at.month, at.day)),
        (keep.weekly, lambda at: tuple(at.isocalendar()[:2])),
        (keep.monthly, lambda at: (at.year, at.month)),
    ]
    chosen = set(newest_first[:1])
    chosen.update([backup for backup in newest_first if backup.verified_at is not None][:1])
    for count, period in periods:
        newest: dict[tuple[int, ...], Backup] = {}
        for backup in newest_first:
            newest.setdefault(period(backup.taken_at.astimezone(UTC)), backup)
        chosen.update(list(newest.values())[:count])
    return chosen
