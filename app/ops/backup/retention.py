"""Which backups are kept: the newest of each of the last days, weeks and months that have one.

Known as grandfather, father, son. Only backups that this database knows of are ever deleted, so that others in the
same directory or bucket are safe, and never the newest good one, nor the newest one that was verified.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from app.ops.backup.places import place
from app.settings.fields import Settings
from app.store.backups import Backup, Backups
from app.store.database import Database


@dataclass(frozen=True, slots=True)
class Keep:
    """Of how many days, weeks and months that have a backup the newest one is kept."""

    daily: int
    weekly: int
    monthly: int


@dataclass(frozen=True, slots=True)
class Pruned:
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
        """Return it as lines for people."""
        did = "would delete" if self.dry_run else "deleted"
        lines = [f"kept {len(self.kept)} backups, {did} {len(self.deleted)}, {len(self.lost)} are lost"]
        lines += [f"{did} {name}" for name in self.deleted]
        lines += [f"lost {name}: the file is gone or has another length" for name in self.lost]
        return "\n".join(lines)


async def prune(settings: Settings, db: Database, *, dry_run: bool = False, forget_lost: bool = False) -> Pruned:
    """Delete the backups that BACKUP_KEEP_DAILY, _WEEKLY and _MONTHLY do not keep.

    forget_lost: takes lost ones off the list. Not by itself: a disk may only not be mounted.
    Raises PlaceUnusable when a place cannot be asked; nothing is deleted before all have answered.
    """
    notes = Backups(db)
    good: list[Backup] = []
    lost: list[Backup] = []
    for backup in await notes.list():
        there = await place(settings, backup.place).size() == backup.size
        (good if there else lost).append(backup)
    keep = kept(good, Keep(settings.backup_keep_daily, settings.backup_keep_weekly, settings.backup_keep_monthly))
    gone = [backup for backup in good if backup not in keep]
    if not dry_run:
        for backup in gone:
            await place(settings, backup.place).delete()
            await notes.forget(backup.place)
        for backup in lost if forget_lost else ():
            await notes.forget(backup.place)
    names = tuple(backup.place for backup in good if backup in keep)
    return Pruned(names, tuple(one.place for one in gone), tuple(one.place for one in lost), dry_run)


def kept(backups: Iterable[Backup], keep: Keep) -> set[Backup]:
    """Return those to keep of the backups that are good."""
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
