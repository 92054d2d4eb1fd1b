"""The names of base backups and log files in the bucket, and what follows from them alone: age, order, gaps.

    PREFIX/CLUSTER/key.age                              the key of all other files, encrypted with the passphrase
    PREFIX/CLUSTER/base/TIME-SEGMENT.tar.gz.age         a base backup: when it was complete, where its log begins
    PREFIX/CLUSTER/wal/NAME.gz.age                      a file of the log, under PostgreSQL's name

CLUSTER is PostgreSQL's system identifier, so two servers never overwrite each other's log.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

KEY = "key.age"
CLUSTER = re.compile(r"\d{10,20}")
LOG = re.compile(r"[0-9A-F]{24}(\.partial|\.[0-9A-F]{8}\.backup)?|[0-9A-F]{8}\.history")
_SEGMENT = re.compile(r"[0-9A-F]{24}")
_BASE = re.compile(r"base/(\d{8}T\d{6}Z)-([0-9A-F]{24})\.tar\.gz\.age")
_LOG_PATH = re.compile(rf"wal/({LOG.pattern})\.gz\.age")
_TIME = "%Y%m%dT%H%M%SZ"
_SEGMENTS_A_LOG = 256  # of 16 MiB, the size that initdb chooses


@dataclass(frozen=True, slots=True, order=True)
class Base:
    """A base backup, for a restore to the moment when it was complete or a later one. segment: its first log file."""

    complete: datetime
    segment: str

    @property
    def path(self) -> str:
        """Its path below the cluster's."""
        return f"base/{self.complete:{_TIME}}-{self.segment}.tar.gz.age"


@dataclass(frozen=True, slots=True)
class Contents:
    """What the bucket has of a cluster. logs: when each file of the log was uploaded, by name."""

    cluster: str
    bases: tuple[Base, ...]
    logs: dict[str, datetime]

    @property
    def until(self) -> datetime | None:
        """When the newest file of the log came; None without one."""
        return max(self.logs.values(), default=None)


def contents_of(cluster: str, objects: Iterable[tuple[str, datetime]]) -> Contents:
    """Read the names below a cluster's path, each with the time of its upload. Others' files are no part of it."""
    bases, logs = [], {}
    for path, uploaded_at in objects:
        if base := _BASE.fullmatch(path):
            bases.append(Base(time_of(base[1]), base[2]))
        elif log := _LOG_PATH.fullmatch(path):
            logs[log[1]] = uploaded_at
    return Contents(cluster, tuple(sorted(bases)), logs)


def log_path(name: str) -> str:
    """Return the path of a log file below its cluster's."""
    return f"wal/{name}.gz.age"


def time_of(text: str) -> datetime:
    """Read a time as base backups are named with. Raises ValueError."""
    return datetime.strptime(text, _TIME).replace(tzinfo=UTC)


def number(name: str) -> int:
    """Return the place of a segment in the log; all timelines share the numbers."""
    return int(name[8:16], 16) * _SEGMENTS_A_LOG + int(name[16:24], 16)


def missing(contents: Contents, base: Base) -> list[int]:
    """Return the numbers of segments that are lacking between a base backup and the end of the log."""
    there = {number(name) for name in contents.logs if _SEGMENT.fullmatch(name)}
    last = max(there, default=number(base.segment))
    return sorted(set(range(number(base.segment), last + 1)) - there)


def needed(contents: Contents, base: Base, to: datetime | None) -> list[str]:
    """Return the log files for a restore that begins with a base backup, in their order.

    to: the moment to restore to. All of the second base backup after it lies later: no log from there on is needed.
    """
    later = [one for one in contents.bases if to is not None and one.complete > to]
    end = number(later[1].segment) if len(later) > 1 else None
    return sorted(
        name
        for name in contents.logs
        if name.endswith(".history") or (number(name) >= number(base.segment) and (end is None or number(name) <= end))
    )


def outdated(contents: Contents, keep_days: int, now: datetime) -> list[str]:
    """Return the paths that no restore to a moment of the last days needs; what the newest base needs is never one."""
    begin = [base for base in contents.bases if base.complete <= now - timedelta(days=keep_days)]
    if not begin:
        return []
    kept: Sequence[Base] = [base for base in contents.bases if base >= begin[-1]]
    first = min(number(base.segment) for base in kept)
    logs = [name for name in contents.logs if not name.endswith(".history") and number(name) < first]
    return [*(base.path for base in contents.bases if base not in kept), *map(log_path, sorted(logs))]
