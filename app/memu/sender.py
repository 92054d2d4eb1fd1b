"""Hands the outbox over to memU, in the background: entry after entry, each until memU has it.

A process can be killed at any step. Before a request leaves, `begin` notes that it may have left; one without an
answer is repeated with the same key and the same bytes, so that memU can tell that it has it already.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from app import metrics
from app.backoff import Backoff
from app.errors import MemuKeyRefused, MemuRefused, MemuUnavailable, StoreUnavailable
from app.measuring import METRICS
from app.memory.outbox import Outbox, OutboxEntry, OutboxState
from app.memory.types import OutboxDepth
from app.memu.service import MemuService, Progress, Task

logger = logging.getLogger(__name__)

AT_ONCE = 4  # requests; each conversation has one at a time anyway
LOST_TASK = "memU no longer knows its task {task}; claude-memory outbox retry sends it again"


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderTimes:
    """How long a sender waits, in seconds.

    idle_s: between two looks for writes of other processes. backoff: after failures of memU. key_pause_s: when it
    refuses the key, which takes a person. first_poll_s, longest_poll_s: between two questions about a task, which takes
    seconds to minutes.
    """

    idle_s: float = 5.0
    backoff: Backoff = field(default_factory=lambda: Backoff(first_s=2.0, longest_s=60.0))
    key_pause_s: float = 60.0
    first_poll_s: float = 2.0
    longest_poll_s: float = 30.0


TIMES = SenderTimes()


class Sender:
    """Sends while it runs. Only one process does it at a time, the leader.

    `run` never returns; call `wake` after a write to make it look at once. `problem`: why nothing is sent now, in one
    line; None while it works. `key_refused`: whether that is the key. `depth`: how much waited at the last look.
    """

    def __init__(
        self,
        outbox: Outbox,
        service: MemuService,
        confirmed: Callable[[], Awaitable[bool]],
        times: SenderTimes = TIMES,
    ) -> None:
        """confirmed: called right before a request leaves, to confirm that this process leads.

        A process that was frozen until another one took over must not send what was forgotten since.
        """
        self._outbox = outbox
        self._service = service
        self._confirmed = confirmed
        self._times = times
        self._failures = 0  # rounds in a row in which memU did not answer
        self._polls: Counter[int] = Counter()  # of entries that memU works on
        self._woken = asyncio.Event()
        self.problem: str | None = None
        self.key_refused = False
        self.depth: OutboxDepth | None = None

    @property
    def refusing(self) -> str | None:
        """How much waits for a person, in one line; None when nothing does."""
        if self.depth is None or not self.depth.refused:
            return None
        return f"memU refused {self.depth.refused:,} of the outbox; claude-memory outbox list --refused says why"

    def wake(self) -> None:
        """Report that something was written; while memU does not answer, that makes no difference."""
        self._woken.set()

    async def run(self) -> None:
        """Send what is due and wait for more, for ever; after each failure of memU, wait longer."""
        try:
            while True:
                self._woken.clear()
                try:
                    pause_s = await self.run_once()
                except StoreUnavailable as error:  # the database's heartbeat has logged it already
                    logger.info("nothing is sent to memU for now: %s", error)
                    await asyncio.sleep(self._times.idle_s)
                    continue
                if self._failures:
                    await asyncio.sleep(pause_s)
                    continue
                with suppress(TimeoutError):
                    async with asyncio.timeout(pause_s):
                        await self._woken.wait()
        finally:
            self._reset()  # another process sends now, and has its own to tell
            self.depth = None

    async def run_once(self) -> float:
        """Send or ask about a few due entries at once; return the seconds until there may be more to do.

        While memU does not answer, one request tries it. Raises StoreUnavailable.
        """
        entries = await self._outbox.due(1 if self._failures else AT_ONCE)
        ends = await asyncio.gather(*map(self._handle, entries), return_exceptions=True)
        outages = [end for end in ends if isinstance(end, MemuUnavailable)]
        for end in ends:
            if isinstance(end, BaseException) and not isinstance(end, MemuUnavailable):
                raise end
        self.depth = await self._outbox.depth()
        answered = len(outages) < len(entries)
        if answered or not self.depth.waiting:
            self._answers()
        asked_s = max((outage.retry_after_s for outage in outages), default=0.0)
        key_refused = any(isinstance(outage, MemuKeyRefused) for outage in outages)
        if outages and (key_refused or asked_s or not answered):
            return self._pause_s(str(outages[0]), asked_s, key_refused)
        seconds = await self._outbox.seconds_to_next()
        if seconds is None:
            self._polls.clear()  # of entries that were forgotten while memU worked on them
            return self._times.idle_s
        return min(seconds, self._times.idle_s)

    async def _handle(self, entry: OutboxEntry) -> None:
        """Take an entry one step further. Raises MemuUnavailable when that has to wait, and StoreUnavailable."""
        try:
            if entry.state is OutboxState.SENT and entry.task_id is not None:
                await self._ask(entry, entry.task_id)
            else:
                await self._send(entry)
        except MemuUnavailable as error:
            # Where it is not memU that fails, but this entry there, others are sent while it waits.
            wait_s = self._times.backoff.wait_s(entry.attempts + 1, error.retry_after_s)
            await self._outbox.postpone(entry, str(error), wait_s)
            raise

    async def _send(self, entry: OutboxEntry) -> None:
        if not await self._outbox.begin(entry):
            return  # it is due again, as it is now
        if not await self._confirmed():
            raise StoreUnavailable("another process may be sending by now; nothing was sent")
        try:
            task = await _counted("memorize", self._service.memorize(entry))
        except MemuRefused as error:
            await self._outbox.refuse(entry, str(error))
            return
        if task.progress is Progress.UNDER_WAY and task.id is not None:
            await self._outbox.accepted(entry, task.id, self._times.first_poll_s)
        else:
            await self._finish(entry, task)

    async def _ask(self, entry: OutboxEntry, task_id: str) -> None:
        try:
            task = await _counted("status", self._service.task(task_id))
        except MemuRefused:
            await self._outbox.refuse(entry, LOST_TASK.format(task=task_id))
            return
        if task.progress is Progress.UNDER_WAY:
            self._polls[entry.id] += 1
            wait_s = min(self._times.longest_poll_s, self._times.first_poll_s * 2 ** min(self._polls[entry.id], 30))
            await self._outbox.postpone(entry, None, wait_s)
        else:
            await self._finish(entry, task)

    async def _finish(self, entry: OutboxEntry, task: Task) -> None:
        self._polls.pop(entry.id, None)
        if task.progress is Progress.REFUSED:
            await self._outbox.refuse(entry, task.problem or "memU does not say why it refused it")
        else:
            await self._outbox.delivered(entry)

    def _answers(self) -> None:
        """Note that memU answers, or that there is nothing to ask it."""
        if self.problem is not None:
            logger.info("memU answers again")
        self._reset()

    def _reset(self) -> None:
        self._failures, self.problem, self.key_refused = 0, None, False

    def _pause_s(self, problem: str, asked_s: float, key_refused: bool) -> float:
        """Note a failure that is not one entry's own; return how long to send nothing."""
        self._failures += 1
        if asked_s and self._failures == 1 and not key_refused:
            return asked_s  # we were too fast, which is no problem
        if self.problem is None:
            logger.warning("nothing is sent to memU for now: %s", problem)
        self.problem, self.key_refused = problem, key_refused
        return self._times.key_pause_s if key_refused else self._times.backoff.wait_s(self._failures, asked_s)


async def _counted(operation: str, request: Coroutine[Any, Any, Task]) -> Task:
    """Make a request and count it with its outcome."""
    outcome = "no_answer"  # it was cancelled, or failed unexpectedly
    try:
        task = await request
        outcome = "ok"
    except (MemuUnavailable, MemuRefused) as error:
        outcome = error.code
        raise
    finally:
        METRICS.count(metrics.MEMU_REQUESTS, labels=(operation, outcome))
    return task
