"""Edits of a client's document: each adds our part, and removes it again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from app.clients.entry import Entry, Shape, is_ours
from app.clients.formats import Editable
from app.clients.jsonc_reading import NotEditable


class Edit(Protocol):
    """One change to a document: a text that was read in its format. Each may raise NotEditable."""

    @property
    def part(self) -> str:
        """What it edits, in a word or two."""

    def put(self, document: Any) -> Any:
        """Return the document with our part; itself when nothing is missing."""

    def take(self, document: Any) -> Any:
        """Return the document without our part; itself when there is none."""

    def again(self, before: Any, after: Any) -> Any:
        """Return `before` with our part as it is in `after`."""


@dataclass(frozen=True, slots=True)
class ServerEdit:
    """Our entry among the servers of a client."""

    key: str
    name: str
    entry: Entry
    shape: Shape
    force: bool = False

    @property
    def part(self) -> str:
        """What it edits."""
        return f"server {self.name}"

    def put(self, document: Editable) -> Editable:
        """Add our entry, or bring it up to date."""
        path = (self.key, self.name)
        current = document.get(path)
        if current is None:
            return document.put(path, self.entry)
        if not is_ours(current):
            if not self.force:
                raise NotEditable(
                    f"{self.key}.{self.name} is another server; add ours under another name (--name NAME), "
                    f"or replace that one (--force)"
                )
            return document.put(path, self.entry)
        variables = self.shape.variables
        if not isinstance(current.get(variables), dict | None) and not self.force:
            raise NotEditable(
                f"{self.key}.{self.name}.{variables} is not an object; fix it, or replace the server (--force)"
            )
        entry = self.shape.merged(current, self.entry)
        return document if entry == current else document.put(path, entry)

    def take(self, document: Editable) -> Editable:
        """Remove our entry; another server of that name stays."""
        path = (self.key, self.name)
        return document.remove(path) if is_ours(document.get(path)) else document

    def again(self, before: Editable, after: Editable) -> Editable:
        """Add the entry as it is in `after`."""
        path = (self.key, self.name)
        return before.put(path, after.get(path))
