"""Connections to PostgreSQL: one pool bound to a user by row-level security, one for the app's own work."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from app.errors import StoreUnavailable
from app.store.migrations import migrate

ACQUIRE_TIMEOUT_S = 2.0  # how long a call waits for a connection before it fails
STATEMENT_TIMEOUT_S = 30.0
_IDLE_CONNECTION_S = 60.0
_REQUEST_CONNECTIONS = 4  # enough to keep two cores busy; each costs about 5 MB in the server
_SERVICE_CONNECTIONS = 2  # follower; housekeeping and tokens

_UNREACHABLE = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.QueryCanceledError,
    asyncpg.DiskFullError,
    asyncpg.TransactionRollbackError,  # a deadlock: PostgreSQL undid one side
    OSError,
    TimeoutError,
)


class _Connection(asyncpg.Connection):  # type: ignore[misc]  # asyncpg has no types
    """Remembers which user row-level security is set to, to save a round trip when it stays the same."""

    __slots__ = ("user",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user: str | None = None

    async def act_for(self, user: str) -> None:
        """Bind the connection to a user until it is bound to another one."""
        if self.user != user:
            self.user = None
            await self.execute("select set_config('app.user_id', $1, false)", user)
            self.user = user


async def _prepare(connection: asyncpg.Connection) -> None:
    await connection.set_type_codec("jsonb", schema="pg_catalog", encoder=json.dumps, decoder=json.loads)


async def _prepare_request(connection: asyncpg.Connection) -> None:
    await _prepare(connection)
    await connection.execute("set role claude_memory_app")


async def _keep(connection: asyncpg.Connection) -> None:
    """Take the place of asyncpg's reset on release, which would undo the role and cost a round trip.

    Nothing else is changed on a connection outside a transaction, and asyncpg ends those by itself.
    """


class Database:
    """Opens, migrates and closes; hands out connections.

    connect: arguments of asyncpg.connect (`dsn`, or `host`, `user` and `database`).
    """

    def __init__(self, connect: Mapping[str, Any]) -> None:
        self._connect = dict(connect)
        self._requests: asyncpg.Pool | None = None
        self._service: asyncpg.Pool | None = None

    async def open(self) -> int:
        """Connect and migrate; return how many schema files were applied.

        Raises StoreUnavailable, and Conflict for a schema this version does not know.
        """
        try:
            self._service = await self._pool(_prepare, _SERVICE_CONNECTIONS)
            async with self._service.acquire() as connection:
                applied = await migrate(connection)
            self._requests = await self._pool(_prepare_request, _REQUEST_CONNECTIONS)
        except _UNREACHABLE as error:
            raise StoreUnavailable(unreachable(error)) from error
        except asyncpg.InsufficientPrivilegeError as error:
            raise StoreUnavailable(
                f"PostgreSQL refused to set up the schema: {error}; the user of DATABASE_URL must own the database "
                "and be allowed to create roles (alter role … createrole)"
            ) from error
        except asyncpg.InvalidAuthorizationSpecificationError as error:
            raise StoreUnavailable(f"PostgreSQL refused the login: {error}; check DATABASE_URL") from error
        except asyncpg.InvalidCatalogNameError as error:
            raise StoreUnavailable(f"PostgreSQL: {error}; create the database that DATABASE_URL names") from error
        return applied

    async def _pool(self, init: Any, size: int) -> asyncpg.Pool:
        return await asyncpg.create_pool(
            **self._connect,
            min_size=1,
            max_size=size,
            init=init,
            reset=_keep,
            connection_class=_Connection,
            command_timeout=STATEMENT_TIMEOUT_S,
            timeout=ACQUIRE_TIMEOUT_S * 5,
            max_inactive_connection_lifetime=_IDLE_CONNECTION_S,
            server_settings={
                "application_name": "claude-memory",
                "timezone": "UTC",
                "jit": "off",
                # Our queries find rows by keys, so a plan made once is as good as one made for each call: 20 % of
                # a search's time in the server.
                "plan_cache_mode": "force_generic_plan",
            },
        )

    async def close(self) -> None:
        """Close all connections, waiting a little for those in use; idempotent."""
        for pool in (self._requests, self._service):
            if pool is None:
                continue
            try:
                await asyncio.wait_for(pool.close(), 5)
            except (TimeoutError, *_UNREACHABLE):
                pool.terminate()
        self._requests = self._service = None

    @asynccontextmanager
    async def as_user(self, user: str) -> AsyncIterator[asyncpg.Connection]:
        """Lend a connection that sees the rows of one user only."""
        async with self._lend(self._requests) as connection:
            await connection.act_for(user)
            yield connection

    @asynccontextmanager
    async def as_service(self) -> AsyncIterator[asyncpg.Connection]:
        """Lend a connection that sees all rows: for the app's own work, never for a request's data."""
        async with self._lend(self._service) as connection:
            yield connection

    @asynccontextmanager
    async def _lend(self, pool: asyncpg.Pool | None) -> AsyncIterator[Any]:
        if pool is None:
            raise StoreUnavailable("PostgreSQL is not connected; the server is starting or stopping, try again")
        try:
            async with pool.acquire(timeout=ACQUIRE_TIMEOUT_S) as connection:
                try:
                    yield connection
                except asyncpg.InternalClientError:
                    # The server ended the connection while a call was being sent on it: nobody may get it again.
                    connection.terminate()
                    raise
        except _UNREACHABLE as error:
            raise StoreUnavailable(unreachable(error)) from error


def unreachable(error: BaseException) -> str:
    """Say in one line why PostgreSQL did not do it; no address, no secret."""
    if isinstance(error, TimeoutError | asyncpg.QueryCanceledError):
        return "PostgreSQL did not answer in time; a write may have been done, sending it again is harmless"
    if isinstance(error, asyncpg.DiskFullError):
        return "PostgreSQL has no disk space left; nothing was changed, free some space"
    if isinstance(error, asyncpg.TransactionRollbackError):
        return "two calls changed the same memories at once; nothing was changed by this one, try again"
    return (
        f"PostgreSQL does not answer ({type(error).__name__}); a write may have been done, sending it again is harmless"
    )
