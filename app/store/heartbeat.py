"""Checks twice a second, on one connection, whether a PostgreSQL server answers, and holds this process's locks.

A stopped server closes connections at once. One that hangs, or whose packets are lost, never answers; this detects it
after BEAT_S + ANSWER_S + DOUBT_S. One connection can break or be silent while the server works, so a second one is
tried before the server counts as down, and delays of this process itself do not count.

The locks are PostgreSQL's session locks: they are lost with the connection, and a process that stops beating (frozen,
cut off) loses both after FORGOTTEN_S.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from typing import Any, Protocol, TypeVar

import asyncpg

from app.errors import StoreUnavailable
from app.store.connecting import connect
from app.store.unreachable import UNREACHABLE, is_refusal, words

logger = logging.getLogger(__name__)

BEAT_S = 0.5
ANSWER_S = 0.6  # for one query on the open connection
DOUBT_S = 0.7  # for one query on a new connection; all three together stay under the 2 s in which calls must fail
OPEN_S = 1.5  # for one query if no connection is open: at the start, and while the server does not answer
RETRY_S = 0.25  # while it does not answer
FORGOTTEN_S = 10.0
_CONNECT_S = 10.0  # never reached: the limits above are shorter
_STEP_S = 0.1
_NO_ANSWER = (StoreUnavailable, asyncpg.PostgresError, *UNREACHABLE)  # the first from opening the pools

# Since PostgreSQL 14; an older server frees the locks of a cut-off process when TCP gives up.
_FORGET = (
    "select set_config('idle_session_timeout', $1, false) where current_setting('server_version_num')::int >= 140000"
)


T = TypeVar("T")


class Lock(Protocol):
    """A lock that at most one process on a database holds."""

    @property
    def held(self) -> bool:
        """Whether this process holds it."""

    async def until(self, *, held: bool) -> None:
        """Wait until this process holds it, or does not."""

    async def confirmed(self) -> bool:
        """Check whether this process holds it now: after being frozen, it may not know yet that it lost the lock."""


class AlwaysHeld:
    """The lock of a process with its own database."""

    held = True

    async def until(self, *, held: bool) -> None:
        """Return at once, or wait for ever."""
        if not held:
            await asyncio.Event().wait()

    async def confirmed(self) -> bool:
        """Return True."""
        return True


class SessionLock:
    """An advisory lock of the heartbeat's session, requested with every beat."""

    def __init__(self, key: int, lives: Callable[[], Awaitable[bool]]) -> None:
        """lives: checks whether the session still exists."""
        self.key, self._lives = key, lives
        self._held, self._free = asyncio.Event(), asyncio.Event()
        self._free.set()

    @property
    def held(self) -> bool:
        """Whether this process holds it."""
        return self._held.is_set()

    async def until(self, *, held: bool) -> None:
        """Wait until this process holds it, or does not."""
        await (self._held if held else self._free).wait()

    async def confirmed(self) -> bool:
        """Check with PostgreSQL that the session lives: while it does, it keeps its locks."""
        return self.held and await self._lives() and self.held

    def note(self, *, held: bool) -> None:
        """Record whether the lock is held."""
        now, before = (self._held, self._free) if held else (self._free, self._held)
        before.clear()
        now.set()


class Heartbeat:
    """`problem` says in one line why PostgreSQL does not answer; None while it does.

    on_down: called after every beat without an answer. on_up: called when it answers again, until it succeeds.
    forgotten_s: after so long without a beat the server ends the session and frees its locks.
    """

    def __init__(
        self,
        connect: Mapping[str, Any],
        on_down: Callable[[], None],
        on_up: Callable[[], Awaitable[None]],
        forgotten_s: float = FORGOTTEN_S,
    ) -> None:
        self._connect = dict(connect)
        self._on_down, self._on_up, self._forgotten_s = on_down, on_up, forgotten_s
        self.problem: str | None = None
        self._locks: dict[int, SessionLock] = {}
        self._connection: asyncpg.Connection | None = None
        self._talking = asyncio.Lock()  # a connection answers one query at a time
        self._hurry = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to beat."""
        self._task = asyncio.create_task(self._beat_on(), name="heartbeat")

    async def stop(self) -> None:
        """Stop, and release the locks; idempotent."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        self._release()

    def lock(self, key: int) -> SessionLock:
        """Return a lock, which every beat requests from now on."""
        self._hurry.set()
        return self._locks.setdefault(key, SessionLock(key, self._session_lives))

    async def _session_lives(self) -> bool:
        async with self._talking:
            connection = self._connection
            if connection is None:
                return False
            try:
                await in_time(connection.execute("select"), ANSWER_S)
            except _NO_ANSWER:
                self._hurry.set()
                return False
        return True

    async def _beat_on(self) -> None:
        while True:
            self._hurry.clear()
            try:
                await self._beat()
            except _NO_ANSWER as error:
                said = f": {words(error)}" if is_refusal(error) else ""
                self._lost(f"PostgreSQL does not answer ({type(error).__name__})", said)
            with suppress(TimeoutError):
                async with asyncio.timeout(BEAT_S if self.problem is None else RETRY_S):
                    await self._hurry.wait()

    async def _beat(self) -> None:
        """Query the server, on a new connection too if the open one gives no answer. Raises the second error."""
        try:
            accepts_writes = await in_time(self._ask(), OPEN_S if self._connection is None else ANSWER_S)
        except _NO_ANSWER as error:
            self._release()
            if self.problem is not None:
                raise
            logger.info("PostgreSQL did not answer a query (%s); trying again", type(error).__name__)
            accepts_writes = await in_time(self._ask(), DOUBT_S)
        if not accepts_writes:
            self._lost("PostgreSQL is now a standby and accepts no writes")
        elif self.problem is not None:
            await self._on_up()
            self.problem = None
            logger.info("PostgreSQL answers again")

    async def _ask(self) -> bool:
        """Return whether the server accepts writes, and if so try to get the locks not held yet."""
        async with self._talking:
            connection = self._connection
            if connection is None:
                connection = self._connection = await self._open()
            if await connection.fetchval("select pg_is_in_recovery()"):
                return False
            for lock in list(self._locks.values()):  # others are added while this waits
                if not lock.held and await connection.fetchval("select pg_try_advisory_lock($1)", lock.key):
                    lock.note(held=True)
            return True

    async def _open(self) -> asyncpg.Connection:
        connection = await connect(
            **{**self._connect, "timeout": _CONNECT_S}, server_settings={"application_name": "claude-memory heartbeat"}
        )
        connection.add_termination_listener(lambda _: self._hurry.set())
        try:
            await connection.execute(_FORGET, f"{self._forgotten_s:g}s")
        except BaseException:
            connection.terminate()
            raise
        return connection

    def _lost(self, problem: str, said: str = "") -> None:
        """said: what a server said, which names roles and databases: for the log, not for callers."""
        self._release()
        if self.problem is None:
            logger.warning("%s%s", problem, said)
        self.problem = problem
        self._on_down()

    def _release(self) -> None:
        for lock in self._locks.values():
            lock.note(held=False)
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()


async def in_time(question: Coroutine[Any, Any, T], limit_s: float) -> T:
    """Return the answer. Raises TimeoutError if there is none after `limit_s` of an event loop that runs on time.

    It counts time in steps: for a loop that was blocked for long, that is one step, and it reads what arrived meanwhile
    before the next one ends. On a busy machine, this distinguishes a silent server from a late process.
    """
    asking = asyncio.create_task(question)
    try:
        for _ in range(round(limit_s / _STEP_S)):
            if (await asyncio.wait((asking,), timeout=_STEP_S))[0]:
                return asking.result()
        raise TimeoutError
    finally:
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
