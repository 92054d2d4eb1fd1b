"""Carrying a queue to its target: order, retries, giving up, and nobody waits for somebody else's target."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import AsyncIterator, Callable

import pytest

from app import metrics as names
from app.alerts.delivery import Delivery, DeliveryFailed
from app.alerts.message import Message
from app.alerts.outbox import Outbox
from app.backoff import Backoff
from app.measuring import Metrics
from tests.support.alerts import alert
from tests.support.waiting import until


class Room:
    """A target that fails as it is told, one error a try."""

    pause_s = 0.0

    def __init__(self, name: str = "room") -> None:
        self.name = name
        self.trouble: list[Exception] = []
        self.tried: list[Message] = []
        self.got: list[list[str]] = []

    async def send(self, message: Message) -> None:
        self.tried.append(message)
        if self.trouble:
            raise self.trouble.pop(0)
        self.got.append([one.name for one in message.alerts])


Start = Callable[..., Delivery]


@pytest.fixture
async def start(outbox: Outbox, metrics: Metrics) -> AsyncIterator[Start]:
    """Start deliveries that wait milliseconds where real ones wait seconds."""
    tasks = []

    def start(room: Room, give_up_s: float = 3_600.0) -> Delivery:
        delivery = Delivery(room, outbox, give_up_s, backoff=Backoff(first_s=0.001, longest_s=60.0), metrics=metrics)
        tasks.append(asyncio.create_task(delivery.run()))
        return delivery

    yield start
    for task in tasks:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def put(outbox: Outbox, *calls: str, target: str = "room", ago_s: float = 0.0) -> None:
    for name in calls:
        outbox.put([target], [alert(name)], time.time() - ago_s)


async def empty(outbox: Outbox) -> None:
    await until(lambda: not outbox.waiting(), "an empty queue")


async def test_what_waited_before_the_start_is_delivered_in_order(
    outbox: Outbox, start: Start, metrics: Metrics
) -> None:
    room = Room()
    put(outbox, "a", "b", "c")
    start(room)
    await empty(outbox)

    assert [name for group in room.got for name in group] == ["a", "b", "c"]


async def test_news_wake_a_delivery_that_waits(outbox: Outbox, start: Start) -> None:
    room = Room()
    delivery = start(room)
    for name in "ab":
        await asyncio.sleep(0.02)
        put(outbox, name)
        delivery.wake()
        await empty(outbox)

    assert room.got == [["a"], ["b"]]


async def test_a_failed_try_is_repeated_with_the_same_id_until_it_works(
    outbox: Outbox, start: Start, metrics: Metrics
) -> None:
    seen: list[tuple[str | None, float]] = []

    class Watched(Room):
        async def send(self, message: Message) -> None:
            seen.append((delivery.trouble, metrics.by_label(names.ALERTS_DELIVERY_FAILING)["room",]))
            await super().send(message)

    room = Watched()
    room.trouble = [DeliveryFailed("down"), TimeoutError(), RuntimeError("a flaw of ours")]
    put(outbox, "a")
    delivery = start(room)
    await until(lambda: bool(room.got) and delivery.trouble is None, "a success")

    assert seen == [(None, 0), ("down", 1), ("no answer within 30 s", 1), ("internal error (RuntimeError)", 1)]
    assert room.got == [["a"]]
    assert len({message.id for message in room.tried}) == 1
    counts = metrics.by_label(names.ALERTS_DELIVERIES)
    assert counts == {("room", "ok"): 1, ("room", "failed"): 3, ("room", "given_up"): 0}
    assert metrics.by_label(names.ALERTS_DELIVERY_FAILING) == {("room",): 0}


async def test_after_an_outage_what_waited_comes_in_order_and_together(outbox: Outbox, start: Start) -> None:
    room = Room()
    room.trouble = [DeliveryFailed("down")] * 3
    put(outbox, *"abcde")
    start(room)
    await empty(outbox)

    assert room.got == [["a"], ["b", "c", "d", "e"]]


async def test_a_target_that_is_down_delays_no_other(outbox: Outbox, start: Start) -> None:
    down, up = Room("down"), Room("up")
    down.trouble = [DeliveryFailed("down")] * 100_000
    put(outbox, "a", target="down")
    put(outbox, "a", target="up")
    start(down)
    start(up)

    await until(lambda: outbox.waiting().keys() == {"down"}, "the other target's message")
    assert up.got == [["a"]]


async def test_what_was_delivered_is_not_sent_again_while_the_disk_is_full(
    outbox: Outbox, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    room, refusals = Room(), 3
    remove = outbox.remove

    def full(message: Message) -> None:
        nonlocal refusals
        if refusals:
            refusals -= 1
            raise sqlite3.OperationalError("database or disk is full")
        remove(message)

    monkeypatch.setattr(outbox, "remove", full)
    put(outbox, "a")
    start(room)
    await empty(outbox)

    assert refusals == 0
    assert room.got == [["a"]]


async def test_refused_content_is_given_up_after_three_tries_and_lets_the_next_through(
    outbox: Outbox, start: Start, metrics: Metrics, caplog: pytest.LogCaptureFixture
) -> None:
    room = Room()
    room.trouble = [DeliveryFailed("HTTP 400", refused=True)] * 3
    put(outbox, "poison", "good")
    start(room)
    await empty(outbox)

    assert room.got == [["good"]]
    assert metrics.by_label(names.ALERTS_DELIVERIES)["room", "given_up"] == 1
    assert "gave up delivering to room: refused 3 times: HTTP 400" in caplog.text


async def test_other_failures_are_never_taken_for_a_refusal(outbox: Outbox, start: Start) -> None:
    room = Room()
    room.trouble = [DeliveryFailed("x", refused=True), DeliveryFailed("down")] * 4
    put(outbox, "a")
    start(room)
    await empty(outbox)

    assert room.got == [["a"]]


async def test_what_is_too_old_is_dropped_and_told(
    outbox: Outbox, start: Start, metrics: Metrics, caplog: pytest.LogCaptureFixture
) -> None:
    room = Room()
    put(outbox, "old", ago_s=7_200)
    put(outbox, "new")
    start(room, give_up_s=3_600)
    await empty(outbox)

    assert room.got == [["new"]]
    assert metrics.by_label(names.ALERTS_DELIVERIES)["room", "given_up"] == 1
    assert "1 message could not be delivered for 1 h" in caplog.text


async def test_waits_grow_to_a_minute_and_obey_the_target(outbox: Outbox, metrics: Metrics) -> None:
    delivery = Delivery(Room(), outbox, 1.0, metrics=metrics)

    waits = [delivery._failed(DeliveryFailed("down")) for _ in range(12)]
    for wait_s, longest_s in zip(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60, 60], strict=True):
        assert longest_s / 2 <= wait_s <= longest_s
    assert delivery._failed(DeliveryFailed("slower", retry_after_s=600)) == 600


async def test_a_stopped_delivery_leaves_the_message_in_the_queue(outbox: Outbox, metrics: Metrics) -> None:
    class Slow(Room):
        async def send(self, message: Message) -> None:
            self.tried.append(message)
            await asyncio.Event().wait()

    room = Slow()
    put(outbox, "a")
    task = asyncio.create_task(Delivery(room, outbox, 3_600.0, metrics=metrics).run())
    await until(lambda: bool(room.tried), "a try")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert outbox.waiting().keys() == {"room"}
