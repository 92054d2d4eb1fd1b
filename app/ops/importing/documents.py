"""The documents beside a conversation: a canvas of ChatGPT, an artifact of Claude. Each is told once, as it became."""

from __future__ import annotations

import hashlib
from typing import Any

from app.memory.types import Kind


class Documents:
    """The messages of one conversation, with each document at the place where it changed last."""

    def __init__(self) -> None:
        self._rows: list[tuple[Any, dict[str, Any] | str]] = []  # a place with a message, or with a document's id
        self._written: dict[str, int] = {}  # the row of a document, the newest last
        self._texts: dict[str, tuple[str | None, str]] = {}

    def say(self, place: Any, message: dict[str, Any]) -> None:
        """Add a message."""
        self._rows.append((place, message))

    def write(self, place: Any, id_: str, title: str | None, text: str) -> None:
        """Add a document, or write it anew."""
        self._written.pop(id_, None)
        self._written[id_] = len(self._rows)
        self._rows.append((place, id_))
        old_title = self._texts[id_][0] if id_ in self._texts else None
        self._texts[id_] = (title or old_title, text)

    def text(self, id_: str) -> str | None:
        """Return a document as it is so far."""
        return self._texts[id_][1] if id_ in self._texts else None

    def newest(self) -> str | None:
        """Return the id of the document that was written last."""
        return next(reversed(self._written), None)

    def messages(self) -> list[tuple[Any, dict[str, Any]]]:
        """Return the places and the messages."""
        return [
            (place, row if isinstance(row, dict) else self._document(row))
            for number, (place, row) in enumerate(self._rows)
            if isinstance(row, dict) or self._written[row] == number
        ]

    def _document(self, id_: str) -> dict[str, Any]:
        title, text = self._texts[id_]
        content = f"# {title}\n\n{text}" if title and title not in text[:500] else text
        digest = hashlib.sha256(content.encode()).hexdigest()[:16]  # a later export may hold it changed
        metadata = {"document": title} if title else {}
        return {
            "role": "assistant",
            "content": content,
            "kind": Kind.REFERENCE,
            "metadata": metadata,
            "id": f"{id_[:150]}-{digest}",
        }
