"""Delivers one target's queue: in order, at least once, for as long as it takes.

Each target has its own task, so one that is down delays no other. A failed attempt is repeated after a wait that
doubles, with jitter, and never before a target's Retry-After. A message leaves the queue when the target has accepted
it, when it is too old, or when the target has refused its content three times, so that later messages get through.
While delivery works, waiting messages go out together, because chat rooms accept few a minute.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections.abc import Callable
from typing import Protocol

from app.alerts.message import Message
from app.alerts.outbox import Outbox
from app.backoff import Backoff
from app.counted import counted
from app.measuring import METRICS, Metrics
from app.metrics import ALERTS_DELIVERIES, ALERTS_DELIVERY_FAILING

logger = logging.getLogger(__name__)

ATTEMPT_S = 30.0
BACKOFF = Backoff(first_s=1.0, longest_s=60.0)
REFUSALS = 3
TOGETHER = 30  # most alerts in one message
OUTCOMES = ("ok", "failed", "given_up")


class DeliveryFailed(Exception):
    """A target did not accept a message. `why` is logged, so it never holds a URL: URLs of targets contain keys.

    retry_after_s: the wait that the target asks for.
    refused: the content is the reason, so sending it again will fail too.
    """

    def __init__(self, why: str, *, retry_after_s: float = 0.0, refused: bool = False) -> None:
        self.retry_after_s, self.refused = retry_after_s, refused
        super().__init__(why)


class AlertTarget(Protocol):
    """Where alerts go."""

    @property
    def name(self) -> str:
        """The label in metrics, and the key in the queue."""

    @property
    def pause_s(self) -> float:
        """The least time between two messages, in seconds."""

    async def send(self, message: Message) -> None:
        """Return when the target has accepted the message. Raises DeliveryFailed."""


class Delivery:
    """The task of one target.

    give_up_s: age at which a message is dropped.
    backoff: waits after failed attempts.
    """

    def __init__(
        self,
        target: AlertTarget,
        outbox: Outbox,
        give_up_s: float,
        backoff: Backoff = BACKOFF,
        metrics: Metrics = METRICS,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.name = target.name
        self.trouble: str | None = None  # why the last attempt failed
        self._target, self._outbox = target, outbox
        self._give_up_s, self._backoff = give_up_s, backoff
        self._metrics, self._now = metrics, now
        self._wakened = asyncio.Event()
        self._failures = self._refusals = 0
        self._sent: Message | None = None  # delivered but still queued: a full disk can prevent its removal
        for outcome in OUTCOMES:
            metrics.count(ALERTS_DELIVERIES, 0, (self.name, outcome))
        metrics.set(ALERTS_DELIVERY_FAILING, 0, (self.name,))

    def wake(self) -> None:
        """Say that the queue has a new message."""
        self._wakened.set()

    async def run(self) -> None:
        """Deliver until cancelled."""
        while True:
            try:
                wait_s = await self._step()
            except (sqlite3.Error, ValueError) as error:
                wait_s = self._failed(DeliveryFailed(f"the queue cannot be used: {error}"))
            await self._backoff.sleep(wait_s)

    async def _step(self) -> float:
        """Deliver one message, or wait for one; return how long to wait before the next."""
        self._wakened.clear()
        await self._remove_sent()
        expired = await asyncio.to_thread(self._outbox.expire, self.name, self._now() - self._give_up_s)
        if expired:
            messages = counted(expired, "message")
            self._given_up(f"{messages} could not be delivered for {self._give_up_s / 3_600:g} h", expired)
        # After a failure send one at a time, to find the one that is refused.
        message = await asyncio.to_thread(self._outbox.next_message, self.name, 1 if self._failures else TOGETHER)
        if message is None:
            await self._wakened.wait()
            return 0.0
        try:
            await self._attempt(message)
        except DeliveryFailed as error:
            wait_s = self._failed(error)
            if self._refusals >= REFUSALS:
                await asyncio.to_thread(self._outbox.remove, message)
                self._given_up(f"refused {REFUSALS} times: {error}", 1)
            return wait_s
        self._sent = message
        self._delivered(message)
        await self._remove_sent()
        return self._target.pause_s

    async def _remove_sent(self) -> None:
        """Remove the delivered message from the queue. Raises sqlite3.Error; nothing is sent before it succeeds."""
        if self._sent is not None:
            await asyncio.to_thread(self._outbox.remove, self._sent)
            self._sent = None

    async def _attempt(self, message: Message) -> None:
        try:
            async with asyncio.timeout(ATTEMPT_S):
                await self._target.send(message)
        except TimeoutError:
            raise DeliveryFailed(f"no answer within {ATTEMPT_S:.0f} s") from None
        except DeliveryFailed:
            raise
        except Exception as error:  # a bug in a target must stop neither this task nor the others
            raise DeliveryFailed(f"internal error ({type(error).__name__})") from error  # its text may hold the URL

    def _delivered(self, message: Message) -> None:
        if self._failures:
            logger.info("delivery to %s works again", self.name)
        self._failures = self._refusals = 0
        self.trouble = None
        self._metrics.count(ALERTS_DELIVERIES, 1, (self.name, "ok"))
        self._metrics.set(ALERTS_DELIVERY_FAILING, 0, (self.name,))
        logger.info("delivered", extra={"fields": {"target": self.name, "alerts": len(message.alerts)}})

    def _failed(self, error: DeliveryFailed) -> float:
        """Record a failed attempt and return how long to wait."""
        self._failures += 1
        self._refusals = self._refusals + 1 if error.refused else 0
        self.trouble = str(error)
        self._metrics.count(ALERTS_DELIVERIES, 1, (self.name, "failed"))
        self._metrics.set(ALERTS_DELIVERY_FAILING, 1, (self.name,))
        wait_s = self._backoff.wait_s(self._failures, error.retry_after_s)
        logger.warning("delivery to %s failed: %s; trying again in %.0f s", self.name, error, wait_s)
        return wait_s

    def _given_up(self, why: str, messages: int) -> None:
        self._refusals = 0
        self._metrics.count(ALERTS_DELIVERIES, messages, (self.name, "given_up"))
        logger.error("gave up delivering to %s: %s; the log has the alerts", self.name, why)
