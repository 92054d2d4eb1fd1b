"""Says what a file seems to be that no reader reads, and what to import in its place."""

from __future__ import annotations

from collections.abc import Collection

_LINES = "JSON Lines made of it"

_BEGINNINGS = (
    (
        b"SQLite format 3\0",
        "a SQLite database of another program",
        "that of Cursor's editor (state.vscdb), or an export",
    ),
    (b"PK\x05\x06", "an empty zip archive", "an account export"),
    (b"\x1f\x8b", "a gzip archive", "what is in it: unpack it first"),
    (b"\x28\xb5\x2f\xfd", "a file packed with zstd, such as a rollout of Codex", "what is in it: zstd -d FILE"),
    (b"7z\xbc\xaf", "a 7z archive", "what is in it: unpack it first"),
    (b"%PDF", "a PDF", "its text, as a memory or a note"),
    (b"\x89PNG", "a picture", "text"),
    (b"\xff\xd8\xff", "a picture", "text"),
    (b"GIF8", "a picture", "text"),
    (b"\x7fELF", "a program", "text"),
    (b"PAR1", "a Parquet file", _LINES),
    (b"PGDMP", "a dump of PostgreSQL; `claude-memory restore` takes our own backups", "an export"),
)

_EXPORT = "conversations.json or the zip"
_OF_CHATGPT = "of an account export of ChatGPT"

# By names that only such a file has, all of which must be there.
_KEYS: tuple[tuple[set[str], str, str], ...] = (
    ({"display", "pastedContents"}, "what was typed into Claude Code (history.jsonl)", "~/.claude/projects"),
    ({"session_id", "ts", "text"}, "what was typed into Codex (history.jsonl)", "~/.codex/sessions"),
    ({"sessionId", "messageId", "message"}, "what was typed into Gemini CLI (logs.json)", "~/.gemini/tmp/…/chats"),
    ({"full_name", "email_address"}, "users.json of an account export of Claude", _EXPORT),
    ({"email", "chatgpt_plus_user"}, f"user.json {_OF_CHATGPT}", _EXPORT),
    ({"conversation_id", "is_anonymous"}, f"shared_conversations.json {_OF_CHATGPT}", _EXPORT),
    ({"conversation_id", "rating"}, f"message_feedback.json {_OF_CHATGPT}", _EXPORT),
    ({"chunkedPrompt", "runSettings"}, "a prompt of Google AI Studio", _LINES),
    ({"header", "titleUrl", "products"}, "Google's record of activity (Takeout)", _LINES),
    ({"mcpServers"}, "the configuration of an MCP client", "what the client remembers"),
    ({"role", "content"}, "messages of a model's API", "a conversation {conversation_id, messages} around them"),
    ({"role", "parts"}, "messages of Gemini's API, or a checkpoint of Gemini CLI", "~/.gemini/tmp/…/chats"),
    ({"requesterUsername", "requests"}, "a chat of GitHub Copilot in VS Code (Export Chat)", _LINES),
    ({"info", "messages"}, "a session exported from opencode", _LINES),
    ({"working_dir", "message_count"}, "a session of Goose", _LINES),
    ({"inserted_at", "mapping"}, "an account export of DeepSeek", _LINES),
    ({"agent_type", "core_memory"}, "an agent file of Letta", "its memories, as JSON Lines"),
    ({"type", "data"}, "messages of LangChain", _LINES),
    ({"jsonrpc"}, "messages of MCP or another JSON-RPC protocol", "what a client remembers"),
    ({"categories", "total"}, "a list of categories, without memories", "the memories themselves"),
)


def by_beginning(head: bytes) -> tuple[str, str] | None:
    """Return what a binary file seems to be and what import takes instead; None when nothing is known of it."""
    for beginning, what, instead in _BEGINNINGS:
        if head.startswith(beginning):
            return what, instead
    if b"\0" in head[:8_000] and not head.lstrip(b"\0 \t\r\n").startswith((b"{", b"[", b"---")):
        return "a binary file", "text"
    return None


def by_text(text: bytes) -> tuple[str, str]:
    """Return what a file that is no JSON seems to be, and what import takes instead."""
    start = text[:2_000].lstrip().lower()
    first = start.split(b"\n", 1)[0]
    if start.startswith((b"<!doctype html", b"<html")):
        return "a web page, such as chat.html of an account export", "conversations.json or the zip"
    if start.startswith(b"<"):
        return "XML", _LINES
    if start.startswith(b"# aider chat started"):
        return "a history of Aider", _LINES
    if start.startswith((b"# ", b"## ", b"- ", b"* ")):
        return "Markdown without the lines of YAML that notes begin with", "a note of basic-memory"
    if first.count(b",") > 1 or first.count(b"\t") > 1:
        return "a table (CSV)", _LINES
    return "plain text", 'JSON Lines, such as {"text": "…"}'


def by_keys(keys: Collection[str]) -> tuple[str, str] | None:
    """Return what JSON with these names seems to be, and what import takes instead; None when nothing is known."""
    for names, what, instead in _KEYS:
        if names <= set(keys):
            return what, instead
    return None
