"""Carries one target's queue to it: in order, at least once, for as long as it takes.

Each target has a task of its own, so one that is down delays no other. A failed try is repeated after a wait that
doubles, with jitter; a target that says how long to wait (Retry-After) is obeyed. A message leaves the queue when it
was taken, when it has become too old, or when the target has refused its content three times: then those behind it
get through. While all goes well, messages that wait go out together, because chat rooms take few a minute.
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
from app.measuring import METRICS, Metrics
from app.metrics import ALERTS_DELIVERIES, ALERTS_DELIVERY_FAILING

logger = logging.getLogger(__name__)

TRY_S = 30.0
BACKOFF = Backoff(first_s=1.0, longest_s=60.0)
REFUSALS = 3
TOGETHER = 30  # alerts of one message
OUTCOMES = ("ok", "failed", "given_up")


class DeliveryFailed(Exception):
    """A target did not take a message. `why` goes into logs, so it never holds a URL: those have keys in them.

    retry_after_s: what the target asks for.
    refused: the content is the reason, so the same again will fail as well.
    """

    def __init__(self, why: str, *, retry_after_s: float = 0.0, refused: bool = False) -> None:
        self.retry_after_s, self.refused = retry_after_s, refused
        super().__init__(why)


class Target(Protocol):
    """Where alerts go. `pause_s` is the least time between two messages."""

    @property
    def name(self) -> str:
        """The label in metrics, and the key in the queue."""

    @property
    def pause_s(self) -> float:
        """See above."""

    async def send(self, message: Message) -> None:
        """Return when the target has taken the message. Raises DeliveryFailed."""


class Delivery:
    """The task of one target.

    give_up_s: age at which a message is dropped.
    backoff: waits after failed tries.
    """

    def __init__(
        self,
        target: Target,
        outbox: Outbox,
        give_up_s: float,
        backoff: Backoff = BACKOFF,
        metrics: Metrics = METRICS,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.name = target.name
        self.trouble: str | None = None  # why the last try failed
        self._target, self._outbox = target, outbox
        self._give_up_s, self._backoff = give_up_s, backoff
        self._metrics, self._now = metrics, now
        self._news = asyncio.Event()
        self._tries = self._refusals = 0
        self._sent: Message | None = None  # delivered, and still in the queue: a full disk keeps it there
        for outcome in OUTCOMES:
            metrics.count(ALERTS_DELIVERIES, 0, (self.name, outcome))
        metrics.set(ALERTS_DELIVERY_FAILING, 0, (self.name,))

    def wake(self) -> None:
        """Say that there is something in the queue."""
        self._news.set()

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
        self._news.clear()
        await self._remove_sent()
        expired = await asyncio.to_thread(self._outbox.expire, self.name, self._now() - self._give_up_s)
        if expired:
            self._given_up(f"{expired} messages could not be delivered for {self._give_up_s / 3_600:g} h", expired)
        # After a failure one at a time: only so it shows which of them is refused.
        message = await asyncio.to_thread(self._outbox.next_message, self.name, 1 if self._tries else TOGETHER)
        if message is None:
            await self._news.wait()
            return 0.0
        try:
            await self._try(message)
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
        """Take what was delivered out of the queue. Raises sqlite3.Error; then nothing is sent until it is out."""
        if self._sent is not None:
            await asyncio.to_thread(self._outbox.remove, self._sent)
            self._sent = None

    async def _try(self, message: Message) -> None:
        try:
            async with asyncio.timeout(TRY_S):
                await self._target.send(message)
        except TimeoutError:
            raise DeliveryFailed(f"no answer within {TRY_S:.0f} s") from None
        except DeliveryFailed:
            raise
        except Exception as error:  # a target's flaw must stop neither this task nor the others
            raise DeliveryFailed(f"internal error ({type(error).__name__})") from error  # its text may hold the URL

    def _delivered(self, message: Message) -> None:
        if self._tries:
            logger.info("delivery to %s works again", self.name)
        self._tries = self._refusals = 0
        self.trouble = None
        self._metrics.count(ALERTS_DELIVERIES, 1, (self.name, "ok"))
        self._metrics.set(ALERTS_DELIVERY_FAILING, 0, (self.name,))
        logger.info("delivered", extra={"fields": {"target": self.name, "alerts": len(message.alerts)}})

    def _failed(self, error: DeliveryFailed) -> float:
        """Note a failed try and return how long to wait."""
        self._tries += 1
        self._refusals = self._refusals + 1 if error.refused else 0
        self.trouble = str(error)
        self._metrics.count(ALERTS_DELIVERIES, 1, (self.name, "failed"))
        self._metrics.set(ALERTS_DELIVERY_FAILING, 1, (self.name,))
        wait_s = self._backoff.wait_s(self._tries, error.retry_after_s)
        logger.warning("delivery to %s failed: %s; trying again in %.0f s", self.name, error, wait_s)
        return wait_s

    def _given_up(self, why: str, messages: int) -> None:
        self._refusals = 0
        self._metrics.count(ALERTS_DELIVERIES, messages, (self.name, "given_up"))
        logger.error("gave up delivering to %s: %s; the log has the alerts", self.name, why)
