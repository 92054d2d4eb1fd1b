"""Which errors mean that PostgreSQL did not do it, and how they are said."""

from __future__ import annotations

import asyncpg

UNREACHABLE = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.CannotConnectNowError,
    asyncpg.OperatorInterventionError,  # it stops, starts, crashed, or a statement took too long
    asyncpg.ReadOnlySQLTransactionError,  # it has become a standby
    asyncpg.TooManyConnectionsError,
    asyncpg.DiskFullError,
    asyncpg.TransactionRollbackError,  # a deadlock: PostgreSQL undid one side
    OSError,
    TimeoutError,
)


def why(error: BaseException) -> str:
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


def refused(url: str) -> str:
    """Say that nothing listens there, so nothing was written. url: the setting that names the server."""
    return f"PostgreSQL does not answer (ConnectionRefusedError); check {url}, and that PostgreSQL runs there"
