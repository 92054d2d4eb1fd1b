"""Moves what is in the spool to the bucket, asks for base backups when they are due, and deletes what is too old.

A file leaves the spool only after the bucket has it. PostgreSQL keeps its own copy until it is in the spool.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path

from app import metrics
from app.counted import counted
from app.measuring import METRICS
from app.ops.backup.bucket import place_errors
from app.settings.fields import Settings
from app.wal import spool
from app.wal.archive import Archive
from app.wal.names import Contents, missing, outdated
from app.wal.spool import Cluster

logger = logging.getLogger(__name__)

_AT_ONCE = 4
_LOOK_EVERY = timedelta(hours=1)  # at the whole bucket


class Shipper:
    """`round` does what there is to do now; it is safe to interrupt and to repeat."""

    def __init__(self, settings: Settings, archive: Archive) -> None:
        self._settings, self._archive = settings, archive
        self._spool = settings.wal_spool
        self._looked: dict[str, datetime] = {}
        self._due: datetime | None = None  # when the next base backup is due

    async def round(self) -> None:
        """Ship everything that waits. Raises PlaceUnusable and BackupRefused; what is left waits for the next round."""
        clusters = await asyncio.to_thread(spool.clusters, self._spool)
        try:
            for cluster in clusters:
                await self._ship_logs(cluster)
                for file in cluster.bases():
                    await self._ship_base(cluster, file)
            if clusters:
                await self._look_after(clusters[0])
        finally:
            self._measure(clusters)

    async def _ship_logs(self, cluster: Cluster) -> None:
        waiting = await asyncio.to_thread(cluster.logs)
        for begin in range(0, len(waiting), _AT_ONCE):
            results = await asyncio.gather(
                *(self._ship_log(cluster, path) for path in waiting[begin : begin + _AT_ONCE]), return_exceptions=True
            )
            for result in results:
                if isinstance(result, BaseException):
                    raise result

    async def _ship_log(self, cluster: Cluster, path: Path) -> None:
        with place_errors(str(path)):
            packed = await asyncio.to_thread(path.read_bytes)
        await self._archive.put_log(cluster.name, path.name.removesuffix(".gz"), packed)
        with place_errors(str(path)):
            await asyncio.to_thread(path.unlink)

    async def _ship_base(self, cluster: Cluster, file: Path) -> None:
        base = await asyncio.to_thread(spool.base_of, file)
        await self._archive.put_base(cluster.name, base.path, file)
        with place_errors(str(file)):
            await asyncio.to_thread(file.unlink)
        logger.info("base backup of %s is in %s", base.complete.isoformat(), self._archive.name)
        self._looked.pop(cluster.name, None)

    async def _look_after(self, cluster: Cluster) -> None:
        """See to it that the cluster in use has a base backup that is young enough and a log without a gap."""
        now = datetime.now(UTC)
        if now - self._looked.get(cluster.name, datetime.min.replace(tzinfo=UTC)) >= _LOOK_EVERY:
            contents = await self._archive.contents(cluster.name)
            self._judge(contents, now)
            old = outdated(contents, self._settings.wal_keep_days, now)
            if old:
                await self._archive.delete(cluster.name, old)
                logger.info("deleted %s that no restore needs any more", counted(len(old), "file"))
            self._looked[cluster.name] = now
        if self._due is not None and now >= self._due:
            cluster.ask_for_base()

    def _judge(self, contents: Contents, now: datetime) -> None:
        newest = contents.bases[-1] if contents.bases else None
        gap = missing(contents, newest) if newest is not None else []
        METRICS.set(metrics.WAL_ARCHIVE_MISSING, len(gap))
        if newest is None or gap:  # from a new base backup on, the log is whole again
            self._due = min(self._due or now, now)
        else:
            self._due = newest.complete + timedelta(hours=self._settings.wal_base_hours)

    def _measure(self, clusters: list[Cluster]) -> None:
        now = spool.now()
        METRICS.set(metrics.WAL_ARCHIVE_LAG, max((one.lag_s(now) for one in clusters[:1]), default=0.0))
        overdue = 0.0 if self._due is None else (datetime.now(UTC) - self._due).total_seconds()
        METRICS.set(metrics.WAL_BASE_OVERDUE, max(0.0, overdue))
