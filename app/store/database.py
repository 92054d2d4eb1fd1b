"""Connections to PostgreSQL: one pool with row-level security for requests, one for the app's own work.

A heartbeat watches a server. While it does not answer, calls fail at once, including those in progress.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import tzinfo
from typing import Any, TypeAlias

import asyncpg

from app.errors import Conflict, MemoryServerError, QuotaExceeded, StoreUnavailable
from app.fair_loop import shared
from app.memory.types import Quota
from app.store.connecting import connect
from app.store.heartbeat import FORGOTTEN_S, AlwaysHeld, Heartbeat, Lock
from app.store.migrations import migrate
from app.store.pooler import require_session
from app.store.unreachable import (
    NOT_CONNECTED,
    SHARED_STATEMENTS,
    UNREACHABLE,
    connect_problem,
    disk_problem,
    unavailable,
    why,
)
from app.turns import Turns

APPLICATION_NAME = "claude-memory"  # prefix of the application names of our connections
ACQUIRE_TIMEOUT_S = 1.5  # how long a call waits for a connection before it fails
TURN_TIMEOUT_S = 20.0  # and before that for its turn: long enough for the largest writes of others to end
STATEMENT_TIMEOUT_S = 30.0
_CONNECT_TIMEOUT_S = 5.0
_IDLE_CONNECTION_S = 60.0
_REQUEST_CONNECTIONS = 4  # three for one user keep two cores busy; each costs about 5 MB in the server
_SERVICE_CONNECTIONS = 3  # follower; housekeeping; what calls need before their user is known
_WATCHED_SERVICE_CONNECTIONS = 4  # and the feeder, or the pass over vectors
# Who takes turns for the service's connections. The last one is for those who hold none.
_CALLERS, _STRANGERS, _BACKGROUND = "callers", "strangers", "background"

# Set the role again too, in case the last user's calls changed it.
_ACT_FOR = "select set_config('role', 'claude_memory_app', false), set_config('app.user_id', $1, false)"

# pg_locks shows an advisory lock with a 64-bit key as two halves and a 1.
_HELD = """
select exists (
    select from pg_locks
    where locktype = 'advisory' and granted and objsubid = 1
      and database = (select oid from pg_database where datname = current_database())
      and classid = ($1::bigint >> 32)::oid and objid = ($1::bigint & 4294967295)::oid
)
"""

NO_QUOTA = Quota()
Refusal: TypeAlias = Callable[[bool], StoreUnavailable | None]

# Settings of a session. They are set once it is open: poolers refuse startup parameters, or lose them.
_SESSION = {
    "timezone": "UTC",
    "jit": "off",
    # Our queries find rows by keys, so a plan made once is as good as one per call, and saves 20 % of a search's
    # time in the server.
    "plan_cache_mode": "force_generic_plan",
}
# Those that make COPY's text the same on every server, whatever a database or role has set.
_WHOLE_TABLES = {
    "timezone": "UTC",
    "datestyle": "ISO, MDY",
    "intervalstyle": "postgres",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "client_encoding": "UTF8",
    "row_security": "off",  # an error instead of missing rows
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "jit": "off",
}


class _Connection(asyncpg.Connection):  # type: ignore[misc]  # asyncpg has no types
    """Remembers the user of row-level security, to save a round trip if it stays the same."""

    __slots__ = ("user",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user: str | None = None

    async def act_for(self, user: str) -> None:
        """Set the user of row-level security until the next call."""
        if self.user != user:
            self.user = None
            await self.execute(_ACT_FOR, user)
            self.user = user


def _set(settings: Mapping[str, str]) -> str:
    """Return the statements for settings of a session; values are our own words and numbers."""
    return "; ".join(f"set {name} = '{value}'" for name, value in settings.items())


async def _prepare(connection: asyncpg.Connection) -> None:
    await connection.execute(_set(_SESSION))
    await connection.set_type_codec("jsonb", schema="pg_catalog", encoder=json.dumps, decoder=json.loads)


async def _keep(connection: asyncpg.Connection) -> None:
    """Replace asyncpg's reset on release, which would undo the role and cost a round trip.

    We change nothing else on a connection outside a transaction, and asyncpg ends transactions itself.
    """


class Database:
    """Opens, migrates and closes a database, and lends connections.

    connect: arguments of asyncpg.connect (`dsn`, or `host`, `user` and `database`).
    quota: of users without their own.
    zone: in which times are told that tell no place; None for the machine's.
    watched: whether a heartbeat watches it, as long-running processes on a server need. An embedded one is supervised.
    refusal: called before each use, with whether a user's data would be written; why that must not even be tried.
    forgotten_s: see Heartbeat.
    """

    def __init__(
        self,
        connect: Mapping[str, Any],
        quota: Quota = NO_QUOTA,
        *,
        zone: tzinfo | None = None,
        watched: bool = False,
        refusal: Refusal = lambda writes: None,
        forgotten_s: float = FORGOTTEN_S,
    ) -> None:
        self.quota = quota
        self.zone = zone
        self.applied = 0  # schema files that `open` applied
        self._connect = dict(connect)
        self._refusal = refusal
        self._heartbeat = Heartbeat(connect, self._terminate, self._open_pools, forgotten_s) if watched else None
        self._service_size = _WATCHED_SERVICE_CONNECTIONS if watched else _SERVICE_CONNECTIONS
        self._turn_s = TURN_TIMEOUT_S
        self._request_turns, self._service_turns = Turns(_REQUEST_CONNECTIONS), Turns(self._service_size)
        self._requests: asyncpg.Pool | None = None
        self._service: asyncpg.Pool | None = None

    @property
    def connect_arguments(self) -> dict[str, Any]:
        """Arguments of asyncpg.connect."""
        return dict(self._connect)

    async def open(self) -> int:
        """Connect and migrate; return how many schema files were applied.

        Raises StoreUnavailable, and Conflict for a schema this version does not know.
        """
        try:
            service = self._service = await self._pool(_prepare, self._service_size)
            async with service.acquire() as connection:
                await require_session(connection, self._connect_once)
                self.applied = await migrate(connection)
            self._requests = await self._request_pool()
        except UNREACHABLE as error:
            raise unavailable(error) from error
        except SHARED_STATEMENTS as error:
            raise connect_problem(error) from error
        except asyncpg.InsufficientPrivilegeError as error:
            raise StoreUnavailable(
                f"PostgreSQL refused to set up the schema: {error}; the role of DATABASE_URL must own the database "
                "and be allowed to create roles (alter role … createrole)"
            ) from error
        if self._heartbeat is not None:
            self._heartbeat.start()
        return self.applied

    @property
    def problem(self) -> str | None:
        """Why a watched server does not answer, in one line; None while it does."""
        return self._heartbeat.problem if self._heartbeat is not None else None

    def lock(self, key: int) -> Lock:
        """Return a lock that only one process on this database holds; with an embedded database there is only ours."""
        return self._heartbeat.lock(key) if self._heartbeat is not None else AlwaysHeld()

    async def is_held(self, key: int) -> bool:
        """Report whether any process on this database holds this lock. Raises StoreUnavailable."""
        async with self.as_service() as connection:
            return bool(await connection.fetchval(_HELD, key))

    async def _open_pools(self) -> None:
        self._service = await self._pool(_prepare, self._service_size)
        self._requests = await self._request_pool()

    def _terminate(self) -> None:
        """End all connections, so that calls in progress fail instead of waiting in vain."""
        for pool in (self._requests, self._service):
            if pool is not None:
                pool.terminate()
        self._requests = self._service = None
        for turns in (self._request_turns, self._service_turns):
            turns.fail(ConnectionError("PostgreSQL does not answer"))

    async def _request_pool(self) -> asyncpg.Pool:
        quota = {"app.quota_memories": str(self.quota.memories), "app.quota_bytes": str(self.quota.bytes)}

        async def prepare(connection: asyncpg.Connection) -> None:
            await _prepare(connection)
            await connection.execute(f"{_set(quota)}; set role claude_memory_app")

        return await self._pool(prepare, _REQUEST_CONNECTIONS)

    async def _connect_once(self) -> asyncpg.Connection:
        return await self._new_connection(**self._connect_options())

    async def _new_connection(self, dsn: str | None = None, **options: Any) -> asyncpg.Connection:
        """Connect, for a pool too. Raises StoreUnavailable, or StoreRefused when trying again is in vain."""
        try:
            return await shared(connect(dsn=dsn, **options))
        except NOT_CONNECTED as error:
            raise connect_problem(error) from error

    async def _pool(self, init: Any, size: int) -> asyncpg.Pool:
        return await asyncpg.create_pool(
            **self._connect_options(),
            connect=self._new_connection,
            min_size=1,
            max_size=size,
            init=init,
            reset=_keep,
            connection_class=_Connection,
            command_timeout=STATEMENT_TIMEOUT_S,
            max_inactive_connection_lifetime=_IDLE_CONNECTION_S,
        )

    def _connect_options(self, name: str = APPLICATION_NAME) -> dict[str, Any]:
        settings = {"application_name": name}  # the one that every pooler passes on
        return {"timeout": _CONNECT_TIMEOUT_S, **self._connect, "server_settings": settings}

    async def close(self) -> None:
        """Close all connections, waiting up to 5 s for those in use; idempotent."""
        if self._heartbeat is not None:
            await self._heartbeat.stop()
        for pool in (self._requests, self._service):
            if pool is None:
                continue
            try:
                await asyncio.wait_for(pool.close(), 5)
            except (TimeoutError, *UNREACHABLE):
                pool.terminate()
        self._requests = self._service = None

    @asynccontextmanager
    async def as_user(self, user: str, *, writes: bool = True) -> AsyncIterator[asyncpg.Connection]:
        """Lend a connection that sees only one user's rows. writes: whether a failed call may have written."""
        if refusal := self._refusal(writes):
            raise refusal
        async with self._lend(self._request_turns, user, lambda: self._requests, writes=writes) as connection:
            await connection.act_for(user)
            yield connection

    @asynccontextmanager
    async def as_service(
        self, *, writes: bool = True, for_caller: bool = False, for_stranger: bool = False
    ) -> AsyncIterator[asyncpg.Connection]:
        """Lend a connection that sees all rows, for the app's own work and never for a request's data.

        writes: whether a failed call may have written.
        for_caller: whether a call waits for it, as for a look at its token. for_stranger: whether those of people whose
        tokens were not seen before. The work for either, and that in the background, never keeps the others waiting for
        long.
        """
        if refusal := self._refusal(False):
            raise refusal
        who = _STRANGERS if for_stranger else _CALLERS if for_caller else _BACKGROUND
        async with self._lend(self._service_turns, who, lambda: self._service, writes=writes) as connection:
            yield connection

    @asynccontextmanager
    async def session(self) -> AsyncIterator[asyncpg.Connection]:
        """Open a separate connection for work on whole tables, without a time limit; it sees every row or fails.

        It works on a closed Database too. Raises StoreUnavailable.
        """
        connection = await self._new_connection(**self._connect_options(f"{APPLICATION_NAME} tables"))
        try:
            try:
                await connection.execute(_set(_WHOLE_TABLES))
                yield connection
            finally:
                connection.terminate()  # even in mid-statement: PostgreSQL rolls back what was not committed
        except UNREACHABLE as error:
            raise unavailable(error) from error

    @asynccontextmanager
    async def _lend(
        self, turns: Turns, user: str, pool_now: Callable[[], asyncpg.Pool | None], *, writes: bool
    ) -> AsyncIterator[Any]:
        self._open(pool_now)  # fail at once
        try:
            await turns.take(user, self._turn_s)
        except TimeoutError as error:
            raise StoreUnavailable(
                f"all connections to PostgreSQL were busy for {self._turn_s:g} s; nothing was done, try again"
            ) from error
        except ConnectionError as error:
            raise StoreUnavailable("PostgreSQL does not answer; nothing was done, try again") from error
        try:
            async with self._borrow(self._open(pool_now), writes=writes) as connection:
                yield connection
        finally:
            turns.give_back(user)

    def _open(self, pool_now: Callable[[], asyncpg.Pool | None]) -> asyncpg.Pool:
        """Return a pool that is open. Raises StoreUnavailable."""
        pool = pool_now()
        if pool is None:
            raise StoreUnavailable(
                f"{self.problem or 'PostgreSQL is not connected; the server is starting or stopping'}; try again"
            )
        return pool

    @asynccontextmanager
    async def _borrow(self, pool: asyncpg.Pool, *, writes: bool = True) -> AsyncIterator[Any]:
        lent = False
        try:
            async with pool.acquire(timeout=ACQUIRE_TIMEOUT_S) as connection:
                lent = True
                try:
                    yield connection
                except asyncpg.InternalClientError:
                    # The server ended the connection while a call was being sent on it: do not lend it again.
                    connection.terminate()
                    raise
        except StoreUnavailable as error:
            if lent:
                raise
            raise StoreUnavailable(_no_new_connection(error.__cause__ or error)) from error
        except UNREACHABLE as error:
            raise unavailable(error, sent=lent and writes) from error
        except asyncpg.PostgresError as error:
            refusal = _refusal(error) or disk_problem(error)
            if refusal is None:
                raise
            raise refusal from None


def _no_new_connection(error: BaseException) -> str:
    """Return for a caller why there is no connection: without the server's words, which name roles and databases."""
    if isinstance(error, asyncpg.InvalidAuthorizationSpecificationError):  # its password was changed meanwhile
        return f"PostgreSQL refuses the login ({type(error).__name__}); put the present password into DATABASE_URL"
    return why(error, sent=False)


def _refusal(error: asyncpg.PostgresError) -> MemoryServerError | None:
    """Return the error for a write that the schema's check_user rejected; None for another error."""
    if error.sqlstate == "QUOTA":
        what, limit, would_be = str(error.detail).split()
        return QuotaExceeded(what, int(limit), int(would_be))
    if error.sqlstate == "QUSER":
        return Conflict("this user is being deleted with all its data; nothing can be stored until that is done")
    return None
