"""The errors that mean PostgreSQL did not do the work, and their messages."""

from __future__ import annotations

import ssl

import asyncpg

from app.errors import StoreFull, StoreRefused, StoreUnavailable

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
# What connecting may raise; the last two for an address that the driver or the resolver cannot make sense of.
NOT_CONNECTED = (asyncpg.PostgresError, *UNREACHABLE, ValueError, LookupError)

# A pooler that gives one session to several connections breaks what names statements, each in its own way.
SHARED_STATEMENTS = (asyncpg.DuplicatePreparedStatementError, asyncpg.InvalidSQLStatementNameError)

USE_SESSIONS = (
    "set DATABASE_URL to the database's own address, or to a pooler that gives each connection a session"
    " (Neon: the host without -pooler; Supabase: port 5432; PgBouncer: pool_mode = session)"
)

# PgBouncer has one SQLSTATE for everything. These words mean that it is the server's turn, or that of time.
_PASSING = (
    *("try again", "timeout", "timed out", "cannot connect", "could not connect", "couldn't connect", "crashed"),
    *("login has been failing", "no more connections", "too many", "max client", "shutting down", "starting"),
    *("terminat", "unavailable", "not available"),
)
_LONGEST_WORDS = 300
# What a disk says that PostgreSQL has no SQLSTATE for, or another one's, with what to do about it.
_DISK = {
    "No space left on device": "no space left; free some",
    "Disk quota exceeded": "its quota is used up; free some space, or have it raised",
    "Read-only file system": "its file system is read-only; make it writable",
}


def unavailable(error: BaseException, *, sent: bool = True) -> StoreUnavailable:
    """Return the error for one of UNREACHABLE; sent as for `why`."""
    return disk_problem(error) or StoreUnavailable(why(error, sent=sent))


def disk_problem(error: BaseException) -> StoreFull | None:
    """Return the error for a statement that PostgreSQL could not do for lack of space, None for any other error."""
    if not isinstance(error, asyncpg.PostgresError):
        return None
    said = next((then for told, then in _DISK.items() if told in str(error)), None)
    if said is None and isinstance(error, asyncpg.DiskFullError):
        said = _DISK["No space left on device"]
    if said is None:
        return None
    return StoreFull(
        f"PostgreSQL cannot write to its disk: {said}; nothing of this call was stored, send it again after that"
    )


def why(error: BaseException, *, sent: bool = True) -> str:
    """Return in one line why PostgreSQL did not do the work, without addresses or secrets.

    sent: whether something that writes may have reached it.
    """
    then = "a write may have been done, but sending it again is harmless" if sent else "nothing was done, try again"
    if isinstance(error, TimeoutError | asyncpg.QueryCanceledError):
        return f"PostgreSQL did not answer in time; {then}"
    if isinstance(error, asyncpg.TransactionRollbackError):
        return "two calls changed the same memories at once; this one changed nothing, try again"
    return f"PostgreSQL does not answer ({type(error).__name__}); {then}"


def refused(url: str) -> str:
    """Return the message for a refused connection, which wrote nothing. url: the setting with the server's URL."""
    return f"PostgreSQL does not answer (ConnectionRefusedError); check {url}, and that PostgreSQL runs there"


def connect_problem(error: BaseException, url: str = "DATABASE_URL") -> StoreUnavailable:
    """Return the error for a connection that could not be opened, one of NOT_CONNECTED; nothing was sent on it.

    url: the setting with the server's URL.
    """
    if isinstance(error, ConnectionRefusedError):
        return StoreUnavailable(refused(url))
    if isinstance(error, TimeoutError):
        return StoreUnavailable(f"PostgreSQL did not answer in time; check {url}, and that it can be reached from here")
    return (
        _unusable(error, url)
        or _told(error, url)
        or StoreUnavailable(
            f"PostgreSQL does not answer ({type(error).__name__}); check {url}, and that it can be reached from here"
        )
    )


def _unusable(error: BaseException, url: str) -> StoreUnavailable | None:
    """Return the error for a URL that cannot be used as it is; None when that is not what is wrong."""
    if isinstance(error, asyncpg.ClientConfigurationError):  # raised before anything is sent
        return StoreRefused(f"{url}: {words(error)}")
    if isinstance(error, ssl.SSLCertVerificationError):
        return StoreRefused(
            f"PostgreSQL's certificate is not trusted ({error.verify_message}); put sslrootcert=FILE with the"
            f" authority that signed it into {url}"
        )
    if isinstance(error, ConnectionError) and "SSL" in str(error):  # the driver's own text, which holds the address
        return StoreRefused(
            f"PostgreSQL refuses TLS, which sslmode or channel_binding in {url} asks for; enable it there,"
            " or change them"
        )
    if isinstance(error, ValueError | LookupError) and not isinstance(error, OSError):
        return StoreRefused(f"{url} cannot be used ({type(error).__name__}); it must name a user, and hosts that exist")
    if isinstance(error, asyncpg.TargetServerAttributeNotMatched):
        return StoreUnavailable(f"none of the servers in {url} has its target_session_attrs")
    return None


def _told(error: BaseException, url: str) -> StoreUnavailable | None:
    """Return the error for what a server or pooler said; None when none said anything."""
    if isinstance(error, asyncpg.InvalidAuthorizationSpecificationError):
        return StoreUnavailable(f"PostgreSQL refused the login: {words(error)}; check {url}")
    if isinstance(error, asyncpg.InvalidCatalogNameError):
        return StoreUnavailable(
            f"PostgreSQL: {words(error)}; create the database that {url} names, or let `claude-memory init` do it "
            "with ADMIN_DATABASE_URL"
        )
    if isinstance(error, SHARED_STATEMENTS):
        return StoreRefused(f"a pooler before PostgreSQL shares sessions ({type(error).__name__}); {USE_SESSIONS}")
    if not is_refusal(error):
        return None
    said = words(error)
    if any(word in said.lower() for word in _PASSING):
        return StoreUnavailable(f"PostgreSQL, or a pooler before it, takes no connection: {said}")
    remedy = USE_SESSIONS if "startup parameter" in said else f"check {url}, and the server's own log"
    return StoreRefused(f"PostgreSQL, or a pooler before it, refused the connection: {said}; {remedy}")


def is_refusal(error: BaseException) -> bool:
    """Whether a server or pooler answered and ended the connection, for no reason that passes by itself."""
    if isinstance(error, asyncpg.ProtocolViolationError):  # PgBouncer's for everything
        return True
    return isinstance(error, asyncpg.PostgresError) and not isinstance(error, UNREACHABLE)


def words(error: BaseException) -> str:
    """Return what a server said, on one line."""
    text = " ".join("".join(one if one.isprintable() else " " for one in str(error)).split())
    return text if len(text) <= _LONGEST_WORDS else f"{text[:_LONGEST_WORDS]}…"
