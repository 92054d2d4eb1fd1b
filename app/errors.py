"""The errors a user can meet: one tree, each with a stable code, an HTTP status and an exit status.

MemoryServerError
├── InvalidInput            400  an argument, a line or a setting is invalid
│   └── InvalidSettings     400  every invalid setting, in one message
├── UnsafeBind              500  others could connect without a token, so the server does not start
├── NotAuthenticated        401
├── NotPermitted            403
├── QuotaExceeded           403  the user would store more than allowed
├── NotFound                404
├── Conflict                409
├── RateLimited             429
├── NotOffered              501  the memory backend in use cannot do this
├── ModelNotAdded           501  a model cannot run on this machine, or its file cannot be had
├── MemuRefused             502  memU does not take what it was sent; sending it again would not help
└── Unavailable             503  a component this needs does not answer
    ├── StoreUnavailable         PostgreSQL
    │   ├── StoreRefused         it, or a pooler before it, refuses: change DATABASE_URL or the server
    │   └── StoreFull       507  its disk has no space left; nothing of the call was stored
    ├── IndexUnavailable         the search index (search still works, degraded)
    ├── EmbeddingUnavailable     the embedding service (search still works, by words)
    │   └── EmbeddingRefused     it answers, but refuses: fix the settings or the account
    ├── RerankUnavailable        the rerank service (search still works, in the order without it)
    │   └── RerankRefused        it answers, but refuses: fix the settings or the account
    └── MemuUnavailable          the memU service (writes wait in the outbox, search still works, degraded)
        └── MemuKeyRefused       it answers, but refuses the key

Messages are one line: what happened, to what, why, and what to do. They never hold a secret or the text of a memory.
"""

from __future__ import annotations

TYPE_CHECKING = False  # `typing` takes 3 ms to import
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class MemoryServerError(Exception):
    """Base of all errors whose message is written for the user."""

    code = "internal"
    status = 500
    exit_status = 1


class InvalidInput(MemoryServerError):
    """A value from outside breaks the contract; nothing was stored."""

    code = "invalid_input"
    status = 400

    def __init__(self, argument: str, got: object, takes: str) -> None:
        self.argument = argument
        super().__init__(f"{argument}: got {shown(got)}, takes {takes}")

    def __reduce__(self) -> tuple[Callable[..., InvalidInput], tuple[type[InvalidInput], str, str]]:
        """Keep the message as it is where the error goes to another process."""
        return _invalid, (type(self), str(self), self.argument)


class InvalidSettings(MemoryServerError):
    """One or more settings are invalid; the message lists all of them."""

    code = "invalid_settings"
    status = 400
    exit_status = 2


class UnsafeBind(MemoryServerError):
    """Others could connect without a token, or no token exists so no one could: the server does not start."""

    code = "unsafe_bind"


class NotAuthenticated(MemoryServerError):
    """No token, or one that is unknown, expired or revoked."""

    code = "not_authenticated"
    status = 401


class NotPermitted(MemoryServerError):
    """The token is valid, but lacks the scope the call needs."""

    code = "not_permitted"
    status = 403


class QuotaExceeded(MemoryServerError):
    """A write would make a user store more than allowed; none of it was stored."""

    code = "quota_exceeded"
    status = 403

    def __init__(self, what: str, limit: int, would_be: int) -> None:
        """what: memories or bytes."""
        super().__init__(
            f"quota of {limit:,} {what}: with this it would be {would_be:,}; nothing of this call was stored;"
            " forget what you do not need (forget_memory), or ask an operator to raise the quota"
            f" (claude-memory user quota NAME --{what} N)"
        )


class NotFound(MemoryServerError):
    """No such thing, or it belongs to another user: callers cannot tell which."""

    code = "not_found"
    status = 404


class Conflict(MemoryServerError):
    """Another caller holds or has changed the thing; the message says who, and what to do."""

    code = "conflict"
    status = 409


class RateLimited(MemoryServerError):
    """Too many requests; the next one is accepted after `retry_after_s`."""

    code = "rate_limited"
    status = 429

    def __init__(self, limit: int, retry_after_s: float) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(f"over {limit} requests a minute; try again in {retry_after_s:.1f} s")


class NotOffered(MemoryServerError):
    """The memory backend in use cannot do this; nothing was done."""

    code = "not_offered"
    status = 501


class ModelNotAdded(MemoryServerError):
    """A model cannot run on this machine, or its file cannot be had or is not the right one; nothing was changed."""

    code = "model_not_added"
    status = 501


class MemuRefused(MemoryServerError):
    """memU does not take what it was sent, and would refuse it again."""

    code = "memu_refused"
    status = 502


class Unavailable(MemoryServerError):
    """A component does not answer; the call had no effect and can be retried."""

    code = "unavailable"
    status = 503


class StoreUnavailable(Unavailable):
    """PostgreSQL does not answer."""

    code = "store_unavailable"


class StoreRefused(StoreUnavailable):
    """PostgreSQL, or a pooler before it, answers, and refuses in a way that trying again does not change."""

    exit_status = 2  # as for a wrong setting, so that a supervisor does not try for ever either


class StoreFull(StoreUnavailable):
    """PostgreSQL's disk has no space left, or takes no writes: nothing was stored, and reading may still work."""

    code = "store_full"
    status = 507


class IndexUnavailable(Unavailable):
    """The search index does not answer or is being rebuilt."""

    code = "index_unavailable"


class EmbeddingUnavailable(Unavailable):
    """The embedding service does not answer, or asks callers to wait `retry_after_s` (0: it gave no time)."""

    code = "embedding_unavailable"

    def __init__(self, message: str, retry_after_s: float = 0.0) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(message)


class EmbeddingRefused(EmbeddingUnavailable):
    """The embedding service refuses every call: a wrong key, model or address, or an account without credit."""

    code = "embedding_refused"


class RerankUnavailable(Unavailable):
    """The rerank service does not answer, or asks callers to wait `retry_after_s` (0: it gave no time)."""

    code = "rerank_unavailable"

    def __init__(self, message: str, retry_after_s: float = 0.0) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(message)


class RerankRefused(RerankUnavailable):
    """The rerank service refuses every call: a wrong key, model or address, or an account without credit."""

    code = "rerank_refused"


class MemuUnavailable(Unavailable):
    """memU does not answer, or asks callers to wait `retry_after_s` (0: it gave no time)."""

    code = "memu_unavailable"

    def __init__(self, message: str, retry_after_s: float = 0.0) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(message)


class MemuKeyRefused(MemuUnavailable):
    """memU refuses the key, and so every call."""

    code = "memu_key_refused"


def _invalid(kind: type[InvalidInput], message: str, argument: str) -> InvalidInput:
    error = kind.__new__(kind, message)
    error.argument = argument
    return error


def first_of(error: BaseException) -> BaseException:
    """Return the first error in a group, however deep; any other error unchanged."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


_JSON_RPC_SERVER_ERROR = -32_000  # from the range JSON-RPC reserves for servers


def error_body(error: MemoryServerError) -> dict[str, Any]:
    """Return an error as the body of an HTTP answer."""
    return {"error": {"code": error.code, "message": str(error)}}


def rpc_error_body(error: MemoryServerError) -> dict[str, Any]:
    """Return an error as a JSON-RPC body, for MCP endpoints; no request was read, so its id is null."""
    return {
        "jsonrpc": "2.0",
        "id": None,
        "error": {"code": _JSON_RPC_SERVER_ERROR, "message": str(error), "data": {"code": error.code}},
    }


_NOT_TEXT = (dict, list, tuple, int, float, type(None))  # what JSON holds besides texts


def shown(value: object, limit: int = 60) -> str:
    """Return a value as short text on one line, for a message; long text is cut and its length given.

    A text is in single quotes; other values are as JSON, which is what callers send.
    """
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    try:
        if isinstance(value, _NOT_TEXT):
            text = _as_json(value)
        else:
            text = repr(str(value) if isinstance(value, str) else value)
    except RecursionError:
        return f"{'a list' if isinstance(value, list) else 'an object'} nested too deep"
    if isinstance(value, str) and len(text) > limit:
        return f"{text[:limit]}… ({len(value):,} characters)"
    if isinstance(value, (list, tuple)) and len(text) > limit:
        return f"list of {len(value):,}"
    return text if len(text) <= limit else f"{text[:limit]}…"


def _as_json(value: object) -> str:
    """Return a value as JSON on one line; characters that cannot be seen are escaped."""
    import json  # slow to import, and most starts show nothing

    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if text.isprintable() else "".join(map(_visible, text))


def _visible(character: str) -> str:
    return character if character.isprintable() else character.encode("unicode_escape").decode()
