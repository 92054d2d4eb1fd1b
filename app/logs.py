"""Logs: one line an event on stderr, as text or JSON, with who asked and which request it was.

No content of memories and no secrets at INFO: calls are logged by name, outcome and duration. What still slips
into a message or a traceback is masked where lines leave (a filter on a logger would miss its children): the
value of every secret setting, and everything shaped like a token, a bearer header or a password in a URL.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Iterable
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from app.settings import Settings, secret_names

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
user: ContextVar[str | None] = ContextVar("user", default=None)

MASK = "***"
SHORTEST_SECRET = 6  # a shorter value is too likely to be an ordinary word of some line
_SHAPES = (
    (re.compile(r"cm_[A-Za-z0-9_-]{43}"), MASK),
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{6,}"), rf"\1 {MASK}"),
    (re.compile(r"([a-z][a-z0-9+.-]*://[^\s:/@]*):[^\s/@]+@"), rf"\1:{MASK}@"),
)
# What the SDK and uvicorn tell at INFO comes once a request or a session, and our own line says it better.
_CHATTY = ("mcp", "uvicorn", "uvicorn.error", "uvicorn.access", "sse_starlette", "httpx", "httpx2", "asyncio")
_PLAIN = re.compile(r"[^\s\"=\x00-\x1f\x7f]+")

_calls = logging.getLogger("app.calls")


class Redactor:
    """Masks secrets in text."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = {form for secret in secrets if len(secret) >= SHORTEST_SECRET for form in (secret, repr(secret)[1:-1])}
        # the longest first: one secret may begin another
        ordered = sorted(known, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, ordered))) if ordered else None

    @classmethod
    def of(cls, settings: Settings) -> Redactor:
        """Know the value of every secret setting, and the password inside a URL by itself."""
        values = []
        for name in secret_names():
            secret = getattr(settings, name.lower())
            if secret is not None:
                values.append(secret.get_secret_value())
        return cls(values)

    def clean(self, text: str) -> str:
        """Return the text with every secret masked."""
        if self._known is not None:
            text = self._known.sub(MASK, text)
        for shape, mask in _SHAPES:
            text = shape.sub(mask, text)
        return text

    def clean_value(self, value: Any) -> Any:
        """Mask the text inside a field's value; numbers and the like stay as they are."""
        if isinstance(value, str):
            return self.clean(value)
        if isinstance(value, (bool, int, float)) or value is None:
            return value
        if isinstance(value, (list, tuple)):
            return [self.clean_value(item) for item in value]
        if isinstance(value, dict):
            return {self.clean(str(key)): self.clean_value(item) for key, item in value.items()}
        return self.clean(str(value))


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
        return line if trace is None else f"{line}\n{trace}"


class JsonFormatter(_Formatter):
    """One JSON object a line: ts, level, logger, message, and the fields beside them."""

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
        return json.dumps(line, ensure_ascii=False, default=str)


def setup(settings: Settings) -> None:
    """Send all logs to stderr in the form the settings ask for; stdout belongs to the program's own answers."""
    redactor = Redactor.of(settings)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(redactor) if settings.log_format == "json" else TextFormatter(redactor))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level)
    for name in _CHATTY:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
        # At DEBUG the SDK logs whole messages, so the text of memories: never here.
        logger.setLevel(max(logging.WARNING, root.level))


def call_log(tool: str, user: str, outcome: str, seconds: float, **fields: Any) -> None:
    """Log one call of a tool. `fields` are counts and names, never content."""
    level = logging.INFO if outcome == "ok" else logging.WARNING
    if _calls.isEnabledFor(level):
        values = {"tool": tool, "user": user, "outcome": outcome, "duration_ms": round(seconds * 1_000, 2), **fields}
        _calls.log(level, "call", extra={"fields": values})


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _one_line(text: str) -> str:
    """Keep a message on its line: a client's text must not write lines of its own into the log."""
    return text.encode("unicode_escape").decode("ascii") if "\x00" in text else " ⏎ ".join(text.splitlines())


def _word(value: Any) -> str:
    text = str(value) if not isinstance(value, (list, dict)) else json.dumps(value, ensure_ascii=False, default=str)
    return text if _PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=False)
