"""The names that `--from` accepts: of formats and of a service. Kept small: every start of the command loads it."""

from __future__ import annotations

from enum import StrEnum


class Format(StrEnum):
    """A format that import reads; `app.ops.importing.formats` has its reader."""

    JSONL = "jsonl"
    CLAUDE_CODE = "claude-code"
    CLAUDE_CODE_NOTES = "claude-code-notes"
    CLAUDE = "claude"
    CHATGPT = "chatgpt"
    CODEX = "codex"
    GEMINI_CLI = "gemini-cli"
    CURSOR = "cursor"
    SERVER_MEMORY = "server-memory"
    MEM0 = "mem0"
    BASIC_MEMORY = "basic-memory"


MEMU = "memu"  # no format of files: `app.ops.importing.memu` asks the service
