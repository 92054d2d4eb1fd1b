"""Runs the process `claude-memory wal ship`: empties the spool into the bucket, with its health and metrics."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Mapping

from app import logs, metrics
from app.errors import MemoryServerError
from app.http.observation import observed
from app.measuring import METRICS
from app.ops.backup.errors import BackupRefused, PlaceUnusable
from app.process.signals import on_stop_signal
from app.runtime.components import Component
from app.runtime.health import health
from app.settings.fields import Settings
from app.settings.loading import load_settings
from app.settings.rules import WAL
from app.wal.archive import Archive
from app.wal.shipping import Shipper

logger = logging.getLogger(__name__)

_ROUND_S, _AGAIN_S = 1.0, 5.0  # between rounds, and after one that failed
_TASK = "wal"  # among the jobs that metrics tell of


def run(given: Mapping[str, object]) -> int:
    """Ship until a stop signal. given: settings over the environment. Raises InvalidSettings and CannotListen."""
    settings = load_settings(given, WAL)
    logs.setup(settings)
    asyncio.run(_run(settings))
    return 0


async def _run(settings: Settings) -> None:
    stop = asyncio.Event()
    on_stop_signal(stop.set)
    process = ShippingProcess(Shipper(settings, Archive(settings)))
    async with contextlib.AsyncExitStack() as stack:
        if settings.metrics_port is not None:
            await stack.enter_async_context(
                observed(settings.host, settings.metrics_port, lambda: health(process), process.is_ready, process.text)
            )
        shipping = asyncio.create_task(process.run())
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait((shipping, stopping), return_when=asyncio.FIRST_COMPLETED)
        for task in (shipping, stopping):
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await shipping
    logger.info("stopped")


class ShippingProcess:
    """Round after round; a problem is logged when it begins and when it ends."""

    def __init__(self, shipper: Shipper) -> None:
        self.started_at = time.monotonic()
        self._shipper = shipper
        self._problem: str | None = None

    async def run(self) -> None:
        """Ship, for ever."""
        while True:
            await self.once()
            await asyncio.sleep(_ROUND_S if self._problem is None else _AGAIN_S)

    async def once(self) -> None:
        """Do one round and note how it went."""
        METRICS.set(metrics.JOB_LAST_RUN, time.time(), (_TASK,))
        try:
            await self._shipper.round()
        except (PlaceUnusable, BackupRefused) as error:
            self._note(error)
            METRICS.count(metrics.JOB_FAILURES, labels=(_TASK,))
        else:
            METRICS.set(metrics.JOB_LAST_SUCCESS, time.time(), (_TASK,))
            self._note(None)

    def components(self) -> list[Component]:
        """Return the state of the one thing it does."""
        return [Component.of("log archive", self._problem)]

    def is_ready(self) -> bool:
        """Whether the last round succeeded."""
        return self._problem is None

    def text(self) -> bytes:
        """Return the body of /metrics."""
        METRICS.set(metrics.UPTIME, time.monotonic() - self.started_at)
        return METRICS.text()

    def _note(self, error: MemoryServerError | None) -> None:
        problem = None if error is None else str(error)
        if problem is not None and self._problem is None:
            logger.warning("%s; trying again", problem)
        elif problem is None and self._problem is not None:
            logger.info("the log is on its way again")
        self._problem = problem
