"""Prepares a text for storing: redacts credentials, cuts a long text into linked pieces, hashes and analyses it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeAlias
from uuid import UUID

from app.memory.analysis import analyse
from app.memory.folding import composed
from app.memory.ports import DomainSettings
from app.memory.redaction import redact
from app.memory.types import Piece

# Where to cut a text, best first; each border ends the piece before it.
_BORDERS = (re.compile(r"\n\s*\n"), re.compile(r"\n"), re.compile(r"[.!?。！？]\s*"), re.compile(r"\s"))
_SHORTEST_SHARE = 0.5  # a border in the first half of a piece would make too many pieces

NewId: TypeAlias = Callable[[], UUID]


class Cleaner:
    """Redacts the credentials in everything one request contains, and counts them."""

    def __init__(self, settings: DomainSettings) -> None:
        self._active = settings.redact
        self.redacted = 0

    def text(self, text: str) -> str:
        """Return the text with credentials replaced by `[redacted: kind]`."""
        if not self._active:
            return text
        clean = redact(text)
        self.redacted += len(clean.kinds)
        return clean.text

    def value(self, value: Any) -> Any:
        """Return a JSON value with all its strings redacted, including keys."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self.value(item) for item in value]
        if isinstance(value, dict):
            return {self.text(key): self.value(item) for key, item in value.items()}
        return value


def pieces(text: str, limit: int, new_id: NewId) -> tuple[Piece, ...]:
    """Return the text as pieces of at most `limit` characters; joined, they are the text."""
    return tuple(Piece(id=new_id(), text=part, analysis=analyse(part)) for part in cut(text, limit))


def cut(text: str, limit: int) -> list[str]:
    """Cut a text at paragraphs, lines, sentences or words, preferred in that order; keep every character."""
    parts = []
    start = 0
    while len(text) - start > limit:
        end = _border(text, start + int(limit * _SHORTEST_SHARE), start + limit)
        parts.append(text[start:end])
        start = end
    parts.append(text[start:])
    return _join_blank(parts, limit)


def _border(text: str, first: int, last: int) -> int:
    for border in _BORDERS:
        ends = [match.end() for match in border.finditer(text, first, last)]
        if ends:
            return ends[-1]
    return last


def _join_blank(parts: list[str], limit: int) -> list[str]:
    """Join a blank part to its neighbour if they fit: an empty memory is useless."""
    joined: list[str] = []
    for part in parts:
        if joined and len(joined[-1]) + len(part) <= limit and not (part.strip() and joined[-1].strip()):
            joined[-1] += part
        else:
            joined.append(part)
    return joined


def content_hash(*parts: str) -> bytes:
    """Return the SHA-256 that identifies this content."""
    digest = hashlib.sha256()
    for part in parts:
        encoded = part.encode()
        digest.update(len(encoded).to_bytes(8, "big"))
        digest.update(encoded)
    return digest.digest()


def text_hash(text: str) -> bytes:
    """Return the hash that identifies a text within a project.

    Another Unicode form and white space at its ends make no other text.
    """
    return content_hash(composed(text).strip())


def message_hash(role: str, name: str | None, time: datetime | None, text: str) -> bytes:
    """Return the hash that identifies this message within a conversation."""
    return content_hash(
        role, name or "", "" if time is None else time.astimezone(UTC).isoformat(), composed(text).strip()
    )


def content_id(digest: bytes) -> UUID:
    """Return a UUIDv8 (RFC 9562, 5.8) of a SHA-256, the same for the same content.

    Built by hand: Python's uuid module supports version 8 only from 3.14 on.
    """
    value = int.from_bytes(digest[:16], "big")
    return UUID(int=value & ~(0xF << 76 | 0b11 << 62) | 0x8 << 76 | 0b10 << 62)
