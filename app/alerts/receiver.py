"""Accepts notifications: the log, the states and the queue are on disk before the sender gets its answer.

Calls that arrive while the disk is busy are written together (group commit): one fsync of the log and one commit for
all of them. The log is written first: after a crash between the two, the sender tries again and the log has the alerts
twice, but none is lost. When storing fails, the status makes Alertmanager try again.
"""

from __future__ import annotations

import asyncio
import errno
import itertools
import logging
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from app.alerts.journal import Entry, Journal
from app.alerts.message import line
from app.alerts.notification import Alert, Notification
from app.alerts.outbox import Outbox
from app.errors import MemoryServerError, Unavailable
from app.measuring import METRICS, Metrics
from app.metrics import ALERTS_RECEIVED, ALERTS_REPEATED

logger = logging.getLogger(__name__)

RECENT = 200  # entries that /alerts shows
_PLAIN_FIELDS = ("received_at", "repeated", "status", "fingerprint", "starts_at", "ends_at")
_SHOWN_LABELS, _SHOWN_CHARACTERS = 40, 1_000  # of one entry: recent entries are held in memory


class StorageFull(MemoryServerError):
    """The disk with the log is full."""

    code = "storage_full"
    status = 507


class NotKept(Unavailable):
    """The alerts could not be stored."""

    code = "not_kept"


@dataclass(frozen=True, slots=True)
class Accepted:
    """How many alerts were accepted, and how many of them are forwarded."""

    received: int
    news: int


@dataclass(frozen=True, slots=True)
class _Call:
    notification: Notification
    answer: asyncio.Future[Accepted]


class Receiver:
    """Stores notifications and wakes the deliveries.

    targets: names of the targets, which all get every alert that is news.
    remind_s: a repeated alert is forwarded again after this long; 0: never.
    """

    def __init__(
        self,
        journal: Journal,
        outbox: Outbox,
        targets: Sequence[str],
        remind_s: float,
        on_news: Callable[[], None],
        metrics: Metrics = METRICS,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._journal, self._outbox = journal, outbox
        self._targets, self._remind_s = targets, remind_s
        self._on_news, self._metrics, self._now = on_news, metrics, now
        self._calls: asyncio.Queue[_Call] = asyncio.Queue()
        self.recent: deque[Entry] = journal.recent(RECENT, _brief)
        self.trouble: str | None = None  # why the last notification could not be stored
        for status in ("firing", "resolved"):
            metrics.count(ALERTS_RECEIVED, 0, (status,))

    async def accept(self, notification: Notification) -> Accepted:
        """Return once the alerts are on disk. Raises StorageFull or NotKept; the metrics then do not count them."""
        if not notification.alerts:
            return Accepted(0, 0)
        answer: asyncio.Future[Accepted] = asyncio.get_running_loop().create_future()
        self._calls.put_nowait(_Call(notification, answer))
        return await answer

    async def run(self) -> None:
        """Write notifications as they arrive, until cancelled."""
        while True:
            calls = [await self._calls.get()]
            while not self._calls.empty():
                calls.append(self._calls.get_nowait())
            await self._write(calls)

    async def _write(self, calls: list[_Call]) -> None:
        try:
            entries, accepted = await asyncio.to_thread(self._store, [call.notification for call in calls])
        except (OSError, sqlite3.Error) as error:
            problem = _problem(error)
            self.trouble = str(problem)
            logger.error("%s", problem)  # noqa: TRY400 - the line says it all
            for call in calls:
                if not call.answer.done():
                    call.answer.set_exception(problem)
            return
        self.trouble = None
        self.recent.extend(map(_brief, entries))
        self._count(entries)
        self._on_news()
        for call, result in zip(calls, accepted, strict=True):
            if not call.answer.done():  # its sender may have left meanwhile
                call.answer.set_result(result)

    def _store(self, notifications: list[Notification]) -> tuple[list[Entry], list[Accepted]]:
        now = self._now()
        entries: list[Entry] = []
        accepted: list[Accepted] = []
        with self._outbox.transaction():
            self._outbox.forget_old(now)
            for notification in notifications:
                news: list[Alert] = []
                for alert in notification.alerts:
                    is_news = self._outbox.is_news(alert, now, self._remind_s)
                    news += [alert] if is_news else []
                    entries.append(_entry(alert, notification.receiver, now, repeated=not is_news))
                if news:
                    self._outbox.put(self._targets, news, now)
                accepted.append(Accepted(len(notification.alerts), len(news)))
            self._journal.append(entries)
        return entries, accepted

    def _count(self, entries: list[Entry]) -> None:
        for entry in entries:
            self._metrics.count(ALERTS_RECEIVED, 1, (entry["status"],))
            self._metrics.count(ALERTS_REPEATED, float(entry["repeated"]))
        logger.info(
            "received",
            extra={
                "fields": {
                    "alerts": len(entries),
                    "repeated": sum(entry["repeated"] for entry in entries),
                    "names": ",".join(sorted({entry["labels"].get("alertname", "?") for entry in entries})[:5]),
                }
            },
        )


def _entry(alert: Alert, receiver: str, now: float, *, repeated: bool) -> Entry:
    """Return an alert as an entry of the log."""
    received_at = datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"received_at": received_at, "repeated": repeated, "receiver": receiver, **alert.model_dump()}


def _brief(entry: Entry) -> Entry:
    """Return an entry as /alerts shows it, with long texts cut."""
    brief = {name: entry[name] for name in _PLAIN_FIELDS}
    for name in ("labels", "annotations"):
        first = itertools.islice(entry[name].items(), _SHOWN_LABELS)
        brief[name] = {line(key, 200): line(value, _SHOWN_CHARACTERS) for key, value in first}
    brief["generator_url"] = line(entry["generator_url"], 2 * _SHOWN_CHARACTERS)
    brief["receiver"] = line(entry["receiver"], 200)
    return brief


def _problem(error: OSError | sqlite3.Error) -> MemoryServerError:
    is_full = getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT)
    if is_full or getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
        return StorageFull(
            "the alerts were not stored: the disk is full; free some space, Alertmanager sends them again"
        )
    why = error.strerror if isinstance(error, OSError) else str(error)
    return NotKept(f"the alerts were not stored: {why}; check the data directory, Alertmanager sends them again")
