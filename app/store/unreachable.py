"""The errors that mean PostgreSQL did not do the work, and their messages."""

from __future__ import annotations

import asyncpg

UNREACHABLE = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.CannotConnectNowError,
    asyncpg.OperatorInterventionError,  # it is stopping or starting, crashed, or a statement took too long
    asyncpg.ReadOnlySQLTransactionError,  # it has become a standby
    asyncpg.TooManyConnectionsError,
    asyncpg.DiskFullError,
    asyncpg.TransactionRollbackError,  # a deadlock: PostgreSQL rolled back one side
    OSError,
    TimeoutError,
)


def why(error: BaseException) -> str:
    """Return in one line why PostgreSQL did not do the work, without addresses or secrets."""
    if isinstance(error, TimeoutError | asyncpg.QueryCanceledError):
        return "PostgreSQL did not answer in time; a write may have been done, but sending it again is harmless"
    if isinstance(error, asyncpg.DiskFullError):
        return "PostgreSQL has no disk space left and changed nothing; free some space"
    if isinstance(error, asyncpg.TransactionRollbackError):
        return "two calls changed the same memories at once; this one changed nothing, try again"
    return (
        f"PostgreSQL does not answer ({type(error).__name__}); a write may have been done, but sending it"
        " again is harmless"
    )


def refused(url: str) -> str:
    """Return the message for a refused connection, which wrote nothing. url: the setting with the server's URL."""
    return f"PostgreSQL does not answer (ConnectionRefusedError); check {url}, and that PostgreSQL runs there"
