"""The names of the formats import knows, as `--from` takes them; small, for every start of the command reads it."""

from __future__ import annotations

from enum import StrEnum


class Format(StrEnum):
    """A format of import; `app.ops.importing.formats` has its reader."""

    JSONL = "jsonl"
    CLAUDE_CODE = "claude-code"
    CLAUDE = "claude"
    CHATGPT = "chatgpt"
