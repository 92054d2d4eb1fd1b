"""One connection that asks a PostgreSQL server twice a second whether it answers, and holds this process's locks.

A server that is gone says so at once. One that hangs, or whose packets vanish, says nothing for as long as anybody
waits; here it is found out after BEAT_S + ANSWER_S. The locks are PostgreSQL's own for a session: they are lost with
the connection, and a process that stops beating (frozen, cut off) loses both after FORGOTTEN_S.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, Protocol

import asyncpg

from app.store.unreachable import UNREACHABLE

logger = logging.getLogger(__name__)

BEAT_S = 0.5
ANSWER_S = 1.0
RETRY_S = 0.25  # while it does not answer
FORGOTTEN_S = 10

# Since PostgreSQL 14; an older server frees a cut off process's locks when TCP gives up.
_FORGET = (
    "select set_config('idle_session_timeout', $1, false) where current_setting('server_version_num')::int >= 140000"
)


class Lock(Protocol):
    """Held by one process of all on a database, or by none."""

    @property
    def held(self) -> bool:
        """Whether it is ours now."""

    async def until(self, *, held: bool) -> None:
        """Wait until it is ours, or is not."""


class AlwaysHeld:
    """The lock of a process that has its database to itself."""

    held = True

    async def until(self, *, held: bool) -> None:
        """Return at once, or wait for ever."""
        if not held:
            await asyncio.Event().wait()


class SessionLock:
    """An advisory lock of the heartbeat's session, asked for with every beat."""

    def __init__(self, key: int) -> None:
        self.key = key
        self._held, self._free = asyncio.Event(), asyncio.Event()
        self._free.set()

    @property
    def held(self) -> bool:
        """Whether it is ours now."""
        return self._held.is_set()

    async def until(self, *, held: bool) -> None:
        """Wait until it is ours, or is not."""
        await (self._held if held else self._free).wait()

    def note(self, *, held: bool) -> None:
        """Take note of what PostgreSQL said of it."""
        now, before = (self._held, self._free) if held else (self._free, self._held)
        before.clear()
        now.set()


class Heartbeat:
    """`problem` says in one line why PostgreSQL does not answer; None while it does.

    on_down: called with every beat that gets no answer. on_up: called when it answers again, until it succeeds.
    """

    def __init__(
        self, connect: Mapping[str, Any], on_down: Callable[[], None], on_up: Callable[[], Awaitable[None]]
    ) -> None:
        self._connect = dict(connect)
        self._on_down, self._on_up = on_down, on_up
        self.problem: str | None = None
        self._locks: dict[int, SessionLock] = {}
        self._connection: asyncpg.Connection | None = None
        self._hurry = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to beat."""
        self._task = asyncio.create_task(self._beat_on(), name="heartbeat")

    async def stop(self) -> None:
        """Stop, and let the locks go; idempotent."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        self._let_go()

    def lock(self, key: int) -> SessionLock:
        """Return a lock that is asked for from now on."""
        self._hurry.set()
        return self._locks.setdefault(key, SessionLock(key))

    async def _beat_on(self) -> None:
        while True:
            self._hurry.clear()
            try:
                await self._beat()
            except (asyncpg.PostgresError, *UNREACHABLE) as error:
                self._lost(f"PostgreSQL does not answer ({type(error).__name__})")
            with suppress(TimeoutError):
                async with asyncio.timeout(BEAT_S if self.problem is None else RETRY_S):
                    await self._hurry.wait()

    async def _beat(self) -> None:
        connection = self._connection
        if connection is None or connection.is_closed():
            self._let_go()
            connection = self._connection = await self._open()
        async with asyncio.timeout(ANSWER_S):
            if await connection.fetchval("select pg_is_in_recovery()"):
                self._lost("PostgreSQL is a standby now and takes no writes")
                return
            for lock in self._locks.values():
                if not lock.held and await connection.fetchval("select pg_try_advisory_lock($1)", lock.key):
                    lock.note(held=True)
        if self.problem is not None:
            await self._on_up()
            self.problem = None
            logger.info("PostgreSQL answers again")

    async def _open(self) -> asyncpg.Connection:
        connection = await asyncpg.connect(
            **self._connect, timeout=ANSWER_S, server_settings={"application_name": "claude-memory heartbeat"}
        )
        connection.add_termination_listener(lambda _: self._hurry.set())
        async with asyncio.timeout(ANSWER_S):
            await connection.execute(_FORGET, f"{FORGOTTEN_S}s")
        return connection

    def _lost(self, problem: str) -> None:
        self._let_go()
        if self.problem is None:
            logger.warning("%s", problem)
        self.problem = problem
        self._on_down()

    def _let_go(self) -> None:
        for lock in self._locks.values():
            lock.note(held=False)
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()
