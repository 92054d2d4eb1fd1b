"""Stores the last state of every alert and the queue of alerts to forward: what must survive a crash beside the log.

SQLite with `synchronous=FULL`: once a commit returns, it is on disk. Every method takes a lock and may block, so call
them in threads, never on the event loop.

An alert is news when its status or its start differs from the last one with its fingerprint, or when that was
forwarded so long ago that a reminder is due. Everything else is repetition: Alertmanager sends a whole group again
whenever one of its alerts changes.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import RLock

from app.alerts.message import Message
from app.alerts.notification import Alert
from app.errors import MemoryServerError
from app.own_file import open_own

FILE_NAME = "outbox.sqlite3"
FORGOTTEN_AFTER_S = 30 * 24 * 3_600.0  # drops the state of an alert that has not arrived for this long
_SCHEMA = """
create table if not exists states (
    fingerprint text primary key, status text not null, starts_at text,
    forwarded_at real not null, seen_at real not null
) without rowid;
create index if not exists states_by_age on states (seen_at);
create table if not exists queue (
    id integer primary key autoincrement, target text not null, queued_at real not null, alerts text not null
);
create index if not exists queue_by_target on queue (target, id);
"""


class OutboxUnusable(MemoryServerError):
    """The file with the queue cannot be opened."""

    code = "outbox_unusable"
    status = 503


class Outbox:
    """The states and the queue of one data directory."""

    def __init__(self, directory: Path) -> None:
        """Open or create the file. Raises OutboxUnusable."""
        path = directory / FILE_NAME
        self._lock = RLock()
        try:
            os.close(open_own(path, os.O_RDWR | os.O_CREAT))  # SQLite's own files take its mode
            self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._connection.execute("pragma journal_mode = wal")
            self._connection.execute("pragma synchronous = full")
            self._connection.executescript(_SCHEMA)
        except (OSError, sqlite3.Error) as error:
            raise OutboxUnusable(
                f"{path} cannot be opened: {error}; free some space or fix its permissions,"
                " or move it away: the alerts waiting in it are also in the log"
            ) from error

    def close(self) -> None:
        """Close the file; idempotent."""
        with self._lock:
            self._connection.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit everything done in the block, or nothing if it raises. Raises sqlite3.Error."""
        with self._lock:
            self._connection.execute("begin immediate")
            try:
                yield
                self._connection.execute("commit")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("rollback")
                raise

    def is_news(self, alert: Alert, now: float, remind_s: float) -> bool:
        """Store an alert's state and return whether to forward it. remind_s: 0 never reminds."""
        with self._lock:
            last = self._connection.execute(
                "select status, starts_at, forwarded_at from states where fingerprint = ?", (alert.fingerprint,)
            ).fetchone()
            is_same = last is not None and last[:2] == (alert.status, alert.starts_at)
            is_news = not is_same or (remind_s > 0 and now - last[2] >= remind_s)
            self._connection.execute(
                "insert or replace into states values (?, ?, ?, ?, ?)",
                (alert.fingerprint, alert.status, alert.starts_at, now if is_news else last[2], now),
            )
            return is_news

    def forget_old(self, now: float) -> None:
        """Drop the states of alerts that have not arrived for FORGOTTEN_AFTER_S."""
        with self._lock:
            self._connection.execute("delete from states where seen_at < ?", (now - FORGOTTEN_AFTER_S,))

    def put(self, targets: Sequence[str], alerts: Sequence[Alert], now: float) -> None:
        """Queue alerts for every target."""
        body = json.dumps([alert.model_dump(by_alias=True) for alert in alerts], ensure_ascii=False)
        with self._lock:
            self._connection.executemany(
                "insert into queue (target, queued_at, alerts) values (?, ?, ?)",
                [(name, now, body) for name in targets],
            )

    def next_message(self, target: str, most: int) -> Message | None:
        """Return a target's next message: the oldest alerts in its queue, up to `most` where calls allow a cut."""
        rows: list[int] = []
        alerts: list[Alert] = []
        began = 0.0
        with self._lock, contextlib.closing(self._connection.cursor()) as cursor:
            cursor.execute(
                "select id, queued_at, alerts from queue where target = ? order by id limit ?", (target, most)
            )
            for row, queued_at, body in cursor:
                group = [Alert.model_validate(alert) for alert in json.loads(body)]
                if rows and len(alerts) + len(group) > most:
                    break
                began = began or queued_at
                rows.append(row)
                alerts += group
        if not rows:
            return None
        return Message(f"{rows[0]}-{rows[-1]}-{int(began * 1_000)}", tuple(rows), tuple(alerts))

    def remove(self, message: Message) -> None:
        """Remove a message from the queue: it was delivered, or given up."""
        with self.transaction():
            self._connection.executemany("delete from queue where id = ?", [(row,) for row in message.rows])

    def expire(self, target: str, before: float) -> int:
        """Drop what was queued for a target before a time, and return from how many calls it came."""
        with self._lock:
            return self._connection.execute(
                "delete from queue where target = ? and queued_at < ?", (target, before)
            ).rowcount

    def drop_others(self, targets: Sequence[str]) -> dict[str, int]:
        """Drop what waits for targets that are no longer set, and return from how many calls, by target."""
        with self.transaction():
            queued = self._connection.execute("select target, count(*) from queue group by target").fetchall()
            gone = {name: count for name, count in queued if name not in targets}
            self._connection.executemany("delete from queue where target = ?", [(name,) for name in gone])
        return gone

    def waiting(self) -> dict[str, tuple[int, float]]:
        """Return, for each target with a queue, its length in messages and when the oldest was queued."""
        with self._lock:
            rows = self._connection.execute("select target, count(*), min(queued_at) from queue group by target")
            return {target: (count, oldest) for target, count, oldest in rows}
