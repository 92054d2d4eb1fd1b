"""Taking notifications: on disk first, repeated ones kept but not forwarded, refused when they cannot be kept."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import os
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from app import metrics as names
from app.alerts.journal import Journal
from app.alerts.notification import Notification, read_notification
from app.alerts.outbox import Outbox
from app.alerts.receiver import Accepted, NotKept, Receiver, StorageFull
from app.measuring import Metrics
from tests.support.alerts import FIRING, ONE_RESOLVED, alert

Start = Callable[[], Awaitable[Receiver]]


@pytest.fixture
async def start(journal: Journal, outbox: Outbox, metrics: Metrics) -> AsyncIterator[Start]:
    """Start a receiver on the test's files, as often as wanted."""
    tasks = []

    async def start() -> Receiver:
        receiver = Receiver(journal, outbox, ["slack", "email"], 3_600, lambda: None, metrics)
        tasks.append(asyncio.create_task(receiver.run()))
        return receiver

    yield start
    for task in tasks:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@pytest.fixture
async def receiver(start: Start) -> Receiver:
    """A running receiver."""
    return await start()


def logged(journal: Journal) -> list[tuple[str, str, bool]]:
    """Return (name, status, repeated) of the log."""
    entries = [json.loads(line) for line in journal.path.read_text(encoding="utf-8").splitlines()]
    return [(entry["labels"].get("instance", ""), entry["status"], entry["repeated"]) for entry in entries]


def queued(outbox: Outbox, target: str) -> list[tuple[str, str]]:
    """Return what waits for a target as (instance, status)."""
    message = outbox.next_message(target, 1_000)
    return [(one.labels.get("instance", ""), one.status) for one in message.alerts] if message else []


async def test_what_alertmanager_sends_is_logged_whole_and_forwarded_once(
    receiver: Receiver, journal: Journal, outbox: Outbox, metrics: Metrics
) -> None:
    assert await receiver.accept(read_notification(FIRING)) == Accepted(2, 2)
    assert await receiver.accept(read_notification(ONE_RESOLVED)) == Accepted(2, 1)

    assert logged(journal) == [
        ("app:8080", "firing", False),
        ("app:8081", "firing", False),
        ("app:8080", "resolved", False),
        ("app:8081", "firing", True),
    ]
    forwarded = [("app:8080", "firing"), ("app:8081", "firing"), ("app:8080", "resolved")]
    assert queued(outbox, "slack") == queued(outbox, "email") == forwarded
    assert metrics.by_label(names.ALERTS_RECEIVED) == {("firing",): 3, ("resolved",): 1}
    assert metrics.total(names.ALERTS_REPEATED) == 1
    assert [entry["status"] for entry in receiver.recent] == ["firing", "firing", "resolved", "firing"]


async def test_the_log_is_written_before_the_queue_and_both_before_the_answer(
    receiver: Receiver, journal: Journal, outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = []
    append = journal.append

    def noted(entries: list[dict[str, object]]) -> None:
        append(entries)
        with contextlib.closing(
            sqlite3.connect(outbox._connection.execute("pragma database_list").fetchone()[2])
        ) as db:
            order.append(("logged", db.execute("select count(*) from queue").fetchone()[0]))

    monkeypatch.setattr(journal, "append", noted)
    await receiver.accept(read_notification(FIRING))
    order.append(("answered", len(queued(outbox, "slack"))))

    assert order == [("logged", 0), ("answered", 2)]


async def test_calls_that_come_together_are_synced_together(
    receiver: Receiver, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    syncs: list[int] = []
    monkeypatch.setattr(os, "fsync", syncs.append)

    answers = await asyncio.gather(
        *(receiver.accept(Notification(alerts=[alert(str(n))])) for n in range(100)),
    )

    assert answers == [Accepted(1, 1)] * 100
    assert len(logged(journal)) == 100
    assert len(syncs) < 20


async def test_a_restarted_receiver_knows_what_it_had(start: Start, outbox: Outbox) -> None:
    await (await start()).accept(read_notification(FIRING))
    again = await start()

    assert [entry["fingerprint"] for entry in again.recent] == ["3323e1dc148f32e8", "32298b9cf087e791"]
    assert await again.accept(read_notification(FIRING)) == Accepted(2, 0)


@pytest.mark.parametrize(
    ("error", "answer", "status"),
    [
        pytest.param(OSError(errno.ENOSPC, "No space left on device"), StorageFull, 507, id="full disk"),
        pytest.param(OSError(errno.EIO, "Input/output error"), NotKept, 503, id="broken disk"),
        pytest.param(sqlite3.OperationalError("locked"), NotKept, 503, id="locked database"),
    ],
)
async def test_what_cannot_be_kept_is_refused_and_taken_later(
    receiver: Receiver,
    journal: Journal,
    outbox: Outbox,
    metrics: Metrics,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    answer: type[NotKept] | type[StorageFull],
    status: int,
) -> None:
    def fail(entries: object) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(journal, "append", fail)
        with pytest.raises(answer, match="Alertmanager sends them again") as refused:
            await receiver.accept(read_notification(FIRING))
    assert refused.value.status == status
    assert receiver.trouble == str(refused.value)
    assert outbox.waiting() == {}
    assert metrics.total(names.ALERTS_RECEIVED) == 0

    assert await receiver.accept(read_notification(FIRING)) == Accepted(2, 2), "it is still news"
    assert receiver.trouble is None


async def test_lines_of_another_hand_in_the_log_stop_no_start(start: Start, journal: Journal) -> None:
    journal.path.write_text('1\n[]\n{}\n{"labels": 1}\n\nhello\n')
    receiver = await start()

    assert list(receiver.recent) == []
    assert await receiver.accept(read_notification(FIRING)) == Accepted(2, 2)


async def test_long_texts_are_logged_whole_and_shown_cut(receiver: Receiver, start: Start, journal: Journal) -> None:
    long = alert("a", labels={str(n): "x" * 5_000 for n in range(100)}, annotations={"summary": "y" * 5_000})
    await receiver.accept(Notification(alerts=[long]))

    assert json.loads(journal.path.read_text(encoding="utf-8"))["labels"] == long.labels
    for one in (receiver, await start()):
        assert len(json.dumps(one.recent[-1])) < 50_000
        assert one.recent[-1]["annotations"]["summary"].startswith("yyy")


async def test_a_sender_that_left_stops_nobody(receiver: Receiver, journal: Journal) -> None:
    leaving = asyncio.create_task(receiver.accept(Notification(alerts=[alert("a")])))
    await asyncio.sleep(0)
    leaving.cancel()

    assert await receiver.accept(Notification(alerts=[alert("b")])) == Accepted(1, 1)
    assert len(logged(journal)) == 2


async def test_no_alerts_are_nothing_to_write(receiver: Receiver, journal: Journal) -> None:
    assert await receiver.accept(Notification(alerts=[])) == Accepted(0, 0)
    assert not journal.path.exists()
