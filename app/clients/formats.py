"""The formats of configuration files, and the text of one as something that can be changed."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Protocol

from app.clients.jsonc import Document
from app.clients.jsonc_reading import BOM


class Format(StrEnum):
    """How a client writes its configuration."""

    JSON = "JSON"
    JSONC = "JSON with comments"  # and trailing commas; a client that does not read them rejects such a file
    TOML = "TOML"
    YAML = "YAML"


class Editable(Protocol):
    """A text that was read. A change returns another one; each may raise NotEditable."""

    text: str

    def get(self, path: Sequence[Any]) -> Any:
        """Return the value at a path; None when there is none."""

    def put(self, path: Sequence[Any], value: Any) -> Editable:
        """Return the text with a value set."""

    def remove(self, path: Sequence[Any]) -> Editable:
        """Return the text without a value."""


def parsed(text: str | None, format_: Format) -> Editable:
    """Read a text as the client does; none, and one without content, hold no settings. Raises NotEditable."""
    text = text or ""
    if format_ is Format.TOML:
        from app.clients.toml_text import TomlText

        return TomlText(text)
    if format_ is Format.YAML:
        from app.clients.yaml_text import YamlText  # PyYAML takes 20 ms to import

        return YamlText(text)
    if not text.strip(f"{BOM} \t\r\n"):
        text = (BOM if text.startswith(BOM) else "") + "{}\n"
    return Document(text, comments=format_ is Format.JSONC)
