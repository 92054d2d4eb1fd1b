"""The names of the import formats, as `--from` accepts them. Kept small: every start of the command loads it."""

from __future__ import annotations

from enum import StrEnum


class Format(StrEnum):
    """A format that import reads; `app.ops.importing.formats` has its reader."""

    JSONL = "jsonl"
    CLAUDE_CODE = "claude-code"
    CLAUDE = "claude"
    CHATGPT = "chatgpt"
