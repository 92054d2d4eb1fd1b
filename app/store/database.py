"""Connections to PostgreSQL: one pool with row-level security for requests, one for the app's own work.

A heartbeat watches a server. While it does not answer, calls fail at once, including those in progress.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from app.errors import Conflict, MemoryServerError, QuotaExceeded, StoreUnavailable
from app.memory.types import Quota
from app.store.heartbeat import FORGOTTEN_S, AlwaysHeld, Heartbeat, Lock
from app.store.migrations import migrate
from app.store.turns import Turns
from app.store.unreachable import UNREACHABLE, refused, why

APPLICATION_NAME = "claude-memory"  # prefix of the application names of our connections
ACQUIRE_TIMEOUT_S = 1.5  # how long a call waits for a connection before it fails
TURN_TIMEOUT_S = 20.0  # and before that for its turn, where a heartbeat ends the wait when the server is away
STATEMENT_TIMEOUT_S = 30.0
_CONNECT_TIMEOUT_S = 5.0
_IDLE_CONNECTION_S = 60.0
_REQUEST_CONNECTIONS = 4  # enough to keep two cores busy; each costs about 5 MB in the server
_SERVICE_CONNECTIONS = 2  # follower; housekeeping and tokens
_WATCHED_SERVICE_CONNECTIONS = 3  # and the rate limit, which every call waits for

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

# Settings that make COPY's text the same on every server, whatever a database or role has set.
_WHOLE_TABLES = {
    "application_name": f"{APPLICATION_NAME} tables",
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


async def _prepare(connection: asyncpg.Connection) -> None:
    await connection.set_type_codec("jsonb", schema="pg_catalog", encoder=json.dumps, decoder=json.loads)


async def _prepare_request(connection: asyncpg.Connection) -> None:
    await _prepare(connection)
    await connection.execute("set role claude_memory_app")


async def _keep(connection: asyncpg.Connection) -> None:
    """Replace asyncpg's reset on release, which would undo the role and cost a round trip.

    We change nothing else on a connection outside a transaction, and asyncpg ends transactions itself.
    """


class Database:
    """Opens, migrates and closes a database, and lends connections.

    connect: arguments of asyncpg.connect (`dsn`, or `host`, `user` and `database`).
    quota: of users without their own.
    watched: whether a heartbeat watches it, as long-running processes on a server need. An embedded one is supervised.
    forgotten_s: see Heartbeat.
    """

    def __init__(
        self,
        connect: Mapping[str, Any],
        quota: Quota = NO_QUOTA,
        *,
        watched: bool = False,
        forgotten_s: float = FORGOTTEN_S,
    ) -> None:
        self.quota = quota
        self.applied = 0  # schema files that `open` applied
        self._connect = dict(connect)
        self._heartbeat = Heartbeat(connect, self._terminate, self._open_pools, forgotten_s) if watched else None
        self._service_size = _WATCHED_SERVICE_CONNECTIONS if watched else _SERVICE_CONNECTIONS
        self._turn_s = TURN_TIMEOUT_S if watched else ACQUIRE_TIMEOUT_S
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
                self.applied = await migrate(connection)
            self._requests = await self._request_pool()
        except ConnectionRefusedError as error:
            raise StoreUnavailable(refused("DATABASE_URL")) from error
        except UNREACHABLE as error:
            raise StoreUnavailable(why(error)) from error
        except asyncpg.InsufficientPrivilegeError as error:
            raise StoreUnavailable(
                f"PostgreSQL refused to set up the schema: {error}; the role of DATABASE_URL must own the database "
                "and be allowed to create roles (alter role … createrole)"
            ) from error
        except asyncpg.InvalidAuthorizationSpecificationError as error:
            raise StoreUnavailable(f"PostgreSQL refused the login: {error}; check DATABASE_URL") from error
        except asyncpg.InvalidCatalogNameError as error:
            raise StoreUnavailable(
                f"PostgreSQL: {error}; create the database that DATABASE_URL names, or let `claude-memory init` do it "
                "with ADMIN_DATABASE_URL"
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
        return await self._pool(_prepare_request, _REQUEST_CONNECTIONS, quota)

    async def _pool(self, init: Any, size: int, settings: Mapping[str, str] | None = None) -> asyncpg.Pool:
        return await asyncpg.create_pool(
            **self._connect,
            min_size=1,
            max_size=size,
            init=init,
            reset=_keep,
            connection_class=_Connection,
            command_timeout=STATEMENT_TIMEOUT_S,
            timeout=_CONNECT_TIMEOUT_S,
            max_inactive_connection_lifetime=_IDLE_CONNECTION_S,
            server_settings={
                "application_name": APPLICATION_NAME,
                "timezone": "UTC",
                "jit": "off",
                # Our queries find rows by keys, so a plan made once is as good as one per call, and saves 20 % of
                # a search's time in the server.
                "plan_cache_mode": "force_generic_plan",
                **(settings or {}),
            },
        )

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
    async def as_user(self, user: str) -> AsyncIterator[asyncpg.Connection]:
        """Lend a connection that sees only one user's rows."""
        async with self._lend(self._request_turns, lambda: self._requests) as connection:
            await connection.act_for(user)
            yield connection

    @asynccontextmanager
    async def as_service(self) -> AsyncIterator[asyncpg.Connection]:
        """Lend a connection that sees all rows, for the app's own work and never for a request's data."""
        async with self._lend(self._service_turns, lambda: self._service) as connection:
            yield connection

    @asynccontextmanager
    async def session(self) -> AsyncIterator[asyncpg.Connection]:
        """Open a separate connection for work on whole tables, without a time limit; it sees every row or fails.

        It works on a closed Database too. Raises StoreUnavailable.
        """
        try:
            connection = await asyncpg.connect(
                **self._connect, timeout=_CONNECT_TIMEOUT_S, server_settings=_WHOLE_TABLES
            )
            try:
                yield connection
            finally:
                connection.terminate()  # even in mid-statement: PostgreSQL rolls back what was not committed
        except UNREACHABLE as error:
            raise StoreUnavailable(why(error)) from error

    @asynccontextmanager
    async def _lend(self, turns: Turns, pool_now: Callable[[], asyncpg.Pool | None]) -> AsyncIterator[Any]:
        self._open(pool_now)  # fail at once
        try:
            await turns.take(self._turn_s)
        except TimeoutError as error:
            raise StoreUnavailable(
                f"all connections to PostgreSQL were busy for {self._turn_s:g} s; nothing was done, try again"
            ) from error
        except ConnectionError as error:
            raise StoreUnavailable("PostgreSQL does not answer; nothing was done, try again") from error
        try:
            async with self._borrow(self._open(pool_now)) as connection:
                yield connection
        finally:
            turns.give_back()

    def _open(self, pool_now: Callable[[], asyncpg.Pool | None]) -> asyncpg.Pool:
        """Return a pool that is open. Raises StoreUnavailable."""
        pool = pool_now()
        if pool is None:
            raise StoreUnavailable(
                f"{self.problem or 'PostgreSQL is not connected; the server is starting or stopping'}; try again"
            )
        return pool

    @asynccontextmanager
    async def _borrow(self, pool: asyncpg.Pool) -> AsyncIterator[Any]:
        try:
            async with pool.acquire(timeout=ACQUIRE_TIMEOUT_S) as connection:
                try:
                    yield connection
                except asyncpg.InternalClientError:
                    # The server ended the connection while a call was being sent on it: do not lend it again.
                    connection.terminate()
                    raise
        except UNREACHABLE as error:
            raise StoreUnavailable(why(error)) from error
        except asyncpg.InvalidAuthorizationSpecificationError as error:  # its password was changed meanwhile
            raise StoreUnavailable(
                f"PostgreSQL refuses the login ({type(error).__name__}); put the present password into DATABASE_URL"
            ) from error
        except asyncpg.PostgresError as error:
            refusal = _refusal(error)
            if refusal is None:
                raise
            raise refusal from None


def _refusal(error: asyncpg.PostgresError) -> MemoryServerError | None:
    """Return the error for a write that the schema's check_user rejected; None for another error."""
    if error.sqlstate == "QUOTA":
        what, limit, would_be = str(error.detail).split()
        return QuotaExceeded(what, int(limit), int(would_be))
    if error.sqlstate == "QUSER":
        return Conflict("this user is being deleted with all its data; nothing can be stored until that is done")
    return None
