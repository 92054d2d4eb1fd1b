"""Runs the process `claude-memory worker`: a deployment's background work beside its servers, with its metrics.

Any number may run; the one that holds the lock of a kind of work does it, and the others stand by. Only workers run
schedules. An unexpected error ends the process, and the supervisor starts a new one.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
import time
from datetime import UTC, tzinfo
from itertools import count
from zoneinfo import ZoneInfo

from app import logs, metrics
from app.backoff import Backoff
from app.errors import MemoryServerError, StoreRefused, Unavailable, first_of
from app.http.observation import observed
from app.measuring import METRICS
from app.process.memory_trim import give_memory_back
from app.process.signals import on_stop_signal
from app.runtime.background import background_work
from app.runtime.components import Component, Status
from app.runtime.composition import Feeding, Opened, database_of, opened
from app.runtime.health import health, status_line
from app.runtime.leader import WORKER_LOCK, while_leading
from app.settings.fields import Settings
from app.settings.loading import load_settings
from app.settings.rules import WORKER
from app.settings.values import OFF
from app.store.address import connect_arguments
from app.store.backups import VERIFICATION
from app.store.database import Database
from app.store.schedules import ScheduleRuns
from app.worker.certificate import certificate_jobs
from app.worker.schedules import Schedule, Schedules

logger = logging.getLogger(__name__)

DATABASE_BACKOFF = Backoff(first_s=1.0, longest_s=2.0)  # for a database server that is not up yet
STATUS_EVERY_S = 60.0
_FOLD_EVERY_S = 1.0  # fixed, because a worker does not know how busy the log is
_WATCH_EVERY_S = 15.0


def run(*, status_lines: bool, supervised: bool) -> int:
    """Work until a stop signal, and return the exit status. Raises MemoryServerError when it cannot.

    status_lines: log one every minute. supervised: also stop when standard input closes, as the supervisor's child.
    """
    settings = load_settings(mode=WORKER)
    logs.setup(settings)
    worker = Worker(settings, status_lines=status_lines or settings.render_deployment)
    try:
        asyncio.run(_run(worker, supervised=supervised))
    except ExceptionGroup as errors:
        error = first_of(errors)
        if not isinstance(error, MemoryServerError):
            logger.error("the worker failed", exc_info=error)  # noqa: TRY400 - the group's traceback adds nothing
        raise error from None
    return 0


async def _run(worker: Worker, *, supervised: bool) -> None:
    stop = asyncio.Event()
    on_stop_signal(stop.set)
    if supervised:
        stdin = sys.stdin.fileno()
        asyncio.get_running_loop().add_reader(stdin, lambda: stop.set() if not os.read(stdin, 1) else None)
    working, stopping = asyncio.create_task(worker.run()), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait((working, stopping), return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            await working
    finally:
        logger.info("stopping")
        for task in (working, stopping):
            task.cancel()
        await asyncio.gather(working, stopping, return_exceptions=True)
    logger.info("stopped")


class Worker:
    """Everything one worker does, from opening the database to closing it."""

    def __init__(self, settings: Settings, *, status_lines: bool, status_every_s: float = STATUS_EVERY_S) -> None:
        assert settings.database_url is not None
        self.started_at = time.monotonic()
        self._settings, self._status_lines, self._status_every_s = settings, status_lines, status_every_s
        self._db = database_of(settings, connect_arguments(settings.database_url.get_secret_value()), long_lived=True)
        self._lock = self._db.lock(WORKER_LOCK)
        self._opened: Opened | None = None

    async def run(self) -> None:
        """Work until cancelled. Raises MemoryServerError for a database it cannot use, and any unexpected error."""
        settings = self._settings
        async with contextlib.AsyncExitStack() as stack:
            if settings.metrics_port is not None:
                ready, text = self._is_ready, self._metrics_text
                await stack.enter_async_context(
                    observed(settings.host, settings.metrics_port, lambda: health(self), ready, text)
                )
            stack.push_async_callback(self._db.close)
            await self._open_database()
            self._opened = await stack.enter_async_context(opened(settings, self._db, fold_every_s=_FOLD_EVERY_S))
            schedules = Schedules(
                schedules_of(settings, self._db), ScheduleRuns(self._db), _zone(settings.schedule_timezone)
            )
            async with asyncio.TaskGroup() as group:
                for work in background_work(self._opened):
                    group.create_task(work())
                group.create_task(while_leading(self._lock, schedules.run))
                group.create_task(self._watch())
                if (settings.public_url or "").startswith("https://"):
                    group.create_task(certificate_jobs(str(settings.public_url), settings.certificate_url).run())

    async def _open_database(self) -> None:
        for failures in count(1):
            try:
                await self._db.open()
                break
            except StoreRefused:
                raise
            except Unavailable as error:
                wait_s = DATABASE_BACKOFF.wait_s(failures)
                logger.warning("%s; trying again in %.1f s", error, wait_s)
                await self._db.close()
                await DATABASE_BACKOFF.sleep(wait_s)
        logger.info("the database is open")

    async def _watch(self) -> None:
        """Log changes of the lead, give memory back, and log a status line if configured."""
        led, logged_at = None, time.monotonic()
        while True:
            if self._lock.held != led:
                led = self._lock.held
                logger.info("this worker %s", "leads" if led else "stands by")
            if self._status_lines and time.monotonic() - logged_at >= self._status_every_s:
                logged_at = time.monotonic()
                logger.info("%s", self.status_line())
            give_memory_back()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_WATCH_EVERY_S):
                    await self._lock.until(held=not led)

    def components(self) -> list[Component]:
        """Return the state of every component, from memory."""
        if self._opened is None:
            return [Component(name="postgres", status=Status.STARTING)]
        components = [
            Component.of("postgres", self._db.problem),
            Component(name="worker", status=Status.OK, detail="leads" if self._lock.held else "stands by"),
        ]
        if self._opened.embedding is not None:
            components.append(Component.of("embeddings", self._opened.embedding.problem))
        if self._opened.memu is not None:
            components.append(Component.of("memu", self._opened.memu.problem))
        if self._opened.feeding is not None:
            components.append(_index_component(self._opened.feeding))
        return components

    def status_line(self) -> str:
        """Return the state of the worker on one line."""
        return status_line(self, f"{METRICS.total(metrics.JOB_FAILURES):.0f} failed jobs")

    def _is_ready(self) -> bool:
        return self._opened is not None and self._db.problem is None

    def _metrics_text(self) -> bytes:
        METRICS.set(metrics.POSTGRES_UP, float(self._is_ready()))
        METRICS.set(metrics.WORKER_LEADER, float(self._lock.held))
        if self._opened is not None:
            _measure(self._opened)
        METRICS.set(metrics.UPTIME, time.monotonic() - self.started_at)
        return METRICS.text()


def _index_component(feeding: Feeding) -> Component:
    if not feeding.lock.held:
        return Component(name="index", status=Status.OK, detail="another process feeds it")
    return Component.of("index", feeding.feeder.problem)


def _measure(opened: Opened) -> None:
    """Set the metrics of what the worker uses; only the process that feeds the index reports its lag."""
    if opened.embedding is not None:
        METRICS.set(metrics.EMBEDDINGS_UP, float(opened.embedding.problem is None))
    if opened.memu is not None:
        METRICS.set(metrics.MEMU_UP, float(opened.memu.problem is None))
        METRICS.set(metrics.MEMU_KEY_REFUSED, float(opened.memu.key_refused))
    if opened.feeding is not None:
        feeder, feeds = opened.feeding.feeder, opened.feeding.lock.held
        METRICS.set(metrics.QDRANT_UP, float(not feeds or feeder.problem is None))
        lag_changes, lag_seconds = feeder.lag if feeds else (0, 0.0)
        METRICS.set(metrics.INDEX_LAG_CHANGES, lag_changes)
        METRICS.set(metrics.INDEX_LAG_SECONDS, lag_seconds)


def schedules_of(settings: Settings, db: Database) -> list[Schedule]:
    """Return the schedules that the settings turn on."""
    from app.ops.backup.verifying import verify_newest
    from app.ops.backup.writing import run_backup
    from app.ops.maintain import maintain

    schedules = [Schedule("maintenance", settings.maintenance_schedule, lambda: maintain(settings, db))]
    if settings.backup_to is not None:
        schedules.append(Schedule("backup", settings.backup_schedule, lambda: run_backup(settings, db)))
        schedules.append(Schedule(VERIFICATION, settings.backup_verify_schedule, lambda: verify_newest(settings, db)))
    return [schedule for schedule in schedules if schedule.expression != OFF]


def _zone(name: str) -> tzinfo:
    return UTC if name == "UTC" else ZoneInfo(name)  # works without the system's time zone files
