"""The errors a user can meet: one tree, each with a stable code, an HTTP status and an exit status.

MemoryServerError
├── InvalidInput            400  an argument, a line or a setting is wrong
│   └── InvalidSettings     400  every wrong setting, in one message
├── UnsafeBind              500  others could connect without a token: a server does not start
├── NotAuthenticated        401
├── NotPermitted            403
├── QuotaExceeded           403  the user would keep more than allowed
├── NotFound                404
├── Conflict                409
├── RateLimited             429
└── Unavailable             503  a part this needs does not answer
    ├── StoreUnavailable         PostgreSQL
    ├── IndexUnavailable         the search index (search goes on, degraded)
    └── EmbeddingUnavailable     the embedding service (search goes on by words)
        └── EmbeddingRefused     it answers, and says no: settings or account need a hand

Messages are one line: what happened, to what, why, and what to do. They never hold a secret or the text of a memory.
"""

from __future__ import annotations


class MemoryServerError(Exception):
    """Base of all errors with a message made for the user."""

    code = "internal"
    status = 500
    exit_status = 1


class InvalidInput(MemoryServerError):
    """A value from outside is not what the contract takes; nothing was stored."""

    code = "invalid_input"
    status = 400

    def __init__(self, argument: str, got: object, takes: str) -> None:
        self.argument = argument
        super().__init__(f"{argument}: got {shown(got)}, takes {takes}")


class InvalidSettings(MemoryServerError):
    """One or more settings are wrong; the message lists all of them."""

    code = "invalid_settings"
    status = 400
    exit_status = 2


class UnsafeBind(MemoryServerError):
    """Others could connect without a token, or no one could because there is none: a server does not start."""

    code = "unsafe_bind"


class NotAuthenticated(MemoryServerError):
    """No token, or one that is unknown, expired or revoked."""

    code = "not_authenticated"
    status = 401


class NotPermitted(MemoryServerError):
    """The token is good, but lacks the scope the call needs."""

    code = "not_permitted"
    status = 403


class QuotaExceeded(MemoryServerError):
    """A write would make a user keep more than allowed; nothing of it was stored."""

    code = "quota_exceeded"
    status = 403

    def __init__(self, what: str, limit: int, would_be: int) -> None:
        """what: memories or bytes."""
        super().__init__(
            f"quota of {limit:,} {what}: with this it would be {would_be:,}; nothing of this call was stored;"
            " forget what is not needed (forget_memory), or let an operator raise it"
            f" (claude-memory user quota NAME --{what} N)"
        )


class NotFound(MemoryServerError):
    """No such thing, or it belongs to somebody else (told apart to nobody)."""

    code = "not_found"
    status = 404


class Conflict(MemoryServerError):
    """The thing is held or changed by another; says by whom and what to do."""

    code = "conflict"
    status = 409


class RateLimited(MemoryServerError):
    """Too many requests; `retry_after_s` says when the next one is taken."""

    code = "rate_limited"
    status = 429

    def __init__(self, limit: int, retry_after_s: float) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(f"over {limit} requests a minute; try again in {retry_after_s:.1f} s")


class Unavailable(MemoryServerError):
    """A part of the system does not answer; the call had no effect and may be tried again."""

    code = "unavailable"
    status = 503


class StoreUnavailable(Unavailable):
    """PostgreSQL does not answer."""

    code = "store_unavailable"


class IndexUnavailable(Unavailable):
    """The search index does not answer or is being rebuilt."""

    code = "index_unavailable"


class EmbeddingUnavailable(Unavailable):
    """The embedding service does not answer, or asks to be left alone for `retry_after_s` (0: no time given)."""

    code = "embedding_unavailable"

    def __init__(self, message: str, retry_after_s: float = 0.0) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(message)


class EmbeddingRefused(EmbeddingUnavailable):
    """The embedding service refuses every call: a wrong key, model or address, or an account without means."""

    code = "embedding_refused"


def first_of(error: BaseException) -> BaseException:
    """Return the first error in a group, however deep; an error that is no group itself."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def shown(value: object, limit: int = 60) -> str:
    """Return a short, one-line picture of a value for a message; long text is cut and measured."""
    try:
        text = repr(value)
    except RecursionError:
        return f"{type(value).__name__} nested too deep"
    if isinstance(value, str) and len(text) > limit:
        return f"{text[:limit]}… ({len(value):,} characters)"
    if isinstance(value, (list, tuple)) and len(text) > limit:
        return f"{type(value).__name__} of {len(value):,}"
    return text if len(text) <= limit else f"{text[:limit]}…"
