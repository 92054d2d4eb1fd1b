"""Writes logs: one line per event on stderr, as text or JSON, with the user and the request.

Nothing logs the content of memories or secrets at INFO: a call's line has its name, outcome and duration. Secrets that
still slip into a message or a traceback are masked in the formatter (a filter on a logger would miss its children):
the value of every secret setting, and everything that looks like a token, a bearer header or a password in a URL.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Iterable
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from app.errors import first_of
from app.settings.forms import ACCESS_TOKEN
from app.terminal import on_one_line

if TYPE_CHECKING:  # `mask` must work where pydantic cannot even be imported
    from app.settings.fields import Settings

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
user: ContextVar[str | None] = ContextVar("user", default=None)

MASK = "***"
_TRACE = "\n    "  # before each line of a traceback, so that none of them looks like an event
SHORTEST_SECRET = 6  # a shorter value is too likely to be an ordinary word in a line
_SHAPES = (
    (re.compile(ACCESS_TOKEN), MASK),
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{6,}"), rf"\1 {MASK}"),
    (re.compile(r"([a-z][a-z0-9+.-]*://[^\s:/@]*):[^\s/@]+@"), rf"\1:{MASK}@"),
)
# The SDK and uvicorn log every request or session at INFO; our own line already says it, and better.
_CHATTY = ("mcp", "uvicorn", "uvicorn.error", "uvicorn.access", "sse_starlette", "httpx", "httpx2", "asyncio")
_PLAIN = re.compile(r"[^\s\"=]+")

_calls = logging.getLogger("app.calls")


def mask(text: str) -> str:
    """Return the text with everything that looks like a secret masked; needs no settings."""
    for shape, replacement in _SHAPES:
        text = shape.sub(replacement, text)
    return text


def unexpected(error: BaseException) -> str:
    """Return type and message of an unexpected error, on one line that is safe to show."""
    return f"{type(error).__name__}: {_one_line(mask(' '.join(str(error).split())))}"


class Redactor:
    """Masks secrets in text."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = {form for secret in secrets if len(secret) >= SHORTEST_SECRET for form in (secret, repr(secret)[1:-1])}
        # the longest first: one secret may begin another
        ordered = sorted(known, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, ordered))) if ordered else None

    @classmethod
    def of(cls, settings: Settings) -> Redactor:
        """Return one that masks the value of every secret setting, and the password in a URL on its own."""
        from app.settings.fields import secret_names
        from app.settings.values import url_passwords

        values: list[str] = []
        for name in secret_names():
            secret = getattr(settings, name.lower())
            if secret is not None:
                values.append(secret.get_secret_value())
        if settings.database_url is not None:
            values += url_passwords(settings.database_url.get_secret_value())
        return cls(values)

    def clean(self, text: str) -> str:
        """Return the text with every secret masked."""
        if self._known is not None:
            text = self._known.sub(MASK, text)
        return mask(text)

    def clean_value(self, value: Any) -> Any:
        """Mask the text inside a field's value; numbers and the like stay unchanged."""
        if isinstance(value, str):
            return self.clean(value)
        if isinstance(value, (bool, int, float)) or value is None:
            return value
        if isinstance(value, (list, tuple)):
            return [self.clean_value(item) for item in value]
        if isinstance(value, dict):
            return {self.clean(str(key)): self.clean_value(item) for key, item in value.items()}
        return self.clean(str(value))


class _SparseWarnings(logging.Filter):
    """Passes a warning of the SDK a second: a client makes one with each wrong request, and is answered."""

    def __init__(self) -> None:
        super().__init__()
        self._next_at = 0.0

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno != logging.WARNING or not record.name.startswith("mcp."):
            return True
        if record.created < self._next_at:
            return False
        self._next_at = record.created + 1.0
        return True


class _GoneClients(logging.Filter):
    """Makes one line at DEBUG of the traceback that a client's leaving in the middle of its request causes."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        # By name: not every process that logs has loaded Starlette.
        if error is None or type(first_of(error)).__name__ != "ClientDisconnect":
            return True
        if record.name == "uvicorn.error":  # what we log ourselves, once more
            return False
        record.levelno, record.levelname = logging.DEBUG, "DEBUG"
        record.msg, record.args = f"{record.getMessage()}: the client went away", ()
        record.exc_info = record.exc_text = None
        return logging.getLogger().isEnabledFor(logging.DEBUG)


class _Formatter(logging.Formatter):
    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor

    def _fields(self, record: logging.LogRecord) -> dict[str, Any]:
        fields = dict(getattr(record, "fields", {}))
        for name, variable in (("request_id", request_id), ("user", user)):
            value = variable.get()
            if value is not None:
                fields.setdefault(name, value)
        return {name: self._redactor.clean_value(value) for name, value in fields.items() if value is not None}

    def _trace(self, record: logging.LogRecord) -> str | None:
        parts = [self.formatException(record.exc_info)] if record.exc_info else []
        if record.stack_info:
            parts.append(record.stack_info)
        return self._redactor.clean("\n".join(parts)) if parts else None


class TextFormatter(_Formatter):
    """`2026-11-21T12:00:00.123Z INFO app.calls search_memory tool=search_memory outcome=ok …`."""

    def format(self, record: logging.LogRecord) -> str:
        message = _one_line(self._redactor.clean(record.getMessage()))
        fields = "".join(f" {name}={_word(value)}" for name, value in self._fields(record).items())
        line = f"{_time(record)} {record.levelname} {record.name} {message}{fields}"
        trace = self._trace(record)
        return line if trace is None else line + "".join(f"{_TRACE}{on_one_line(one)}" for one in trace.split("\n"))


class JsonFormatter(_Formatter):
    """One JSON object per line: ts, level, logger, message, and the event's fields."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            **self._fields(record),
            "ts": _time(record),
            "level": record.levelname,
            "logger": record.name,
            "message": self._redactor.clean(record.getMessage()),
        }
        trace = self._trace(record)
        if trace is not None:
            line["exception"] = trace
        return on_one_line(json.dumps(line, ensure_ascii=False, default=str))


def setup(settings: Settings) -> None:
    """Send all logs to stderr in the format of LOG_FORMAT; stdout is for the program's answers."""
    redactor = Redactor.of(settings)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(redactor) if settings.log_format == "json" else TextFormatter(redactor))
    handler.addFilter(_GoneClients())
    handler.addFilter(_SparseWarnings())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level)
    for name in _CHATTY:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
        # At DEBUG the SDK logs whole messages, which hold the text of memories: never log those.
        logger.setLevel(max(logging.WARNING, root.level))


def call_log(tool: str, user: str, outcome: str, seconds: float, **fields: Any) -> None:
    """Log one tool call. `fields` are counts and names, never content."""
    level = logging.INFO if outcome == "ok" else logging.WARNING
    if _calls.isEnabledFor(level):
        values = {"tool": tool, "user": user, "outcome": outcome, "duration_ms": round(seconds * 1_000, 2), **fields}
        _calls.log(level, "call", extra={"fields": values})


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _one_line(text: str) -> str:
    """Keep a message on one line, so that a client's text can neither add lines to the log nor act on a terminal."""
    return on_one_line(" ⏎ ".join(text.splitlines()))


def _word(value: Any) -> str:
    text = str(value) if not isinstance(value, (list, dict)) else json.dumps(value, ensure_ascii=False, default=str)
    return text if _PLAIN.fullmatch(text) and text.isprintable() else on_one_line(json.dumps(text, ensure_ascii=False))
