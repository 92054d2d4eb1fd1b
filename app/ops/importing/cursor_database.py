"""Reads the chats in a database of Cursor's editor (state.vscdb, SQLite).

Cursor documents none of it. Sources: descriptions by open readers, which agree with each other:
github.com/michaeldhood/chatrxiv, docs/cursor/storage-reference.md; github.com/AgentOrchestrator/AgentBase,
docs/CURSOR.md; github.com/getagentseal/codeburn, docs/providers/cursor.md. A chat is a row `composerData:<chat>` of
cursorDiskKV with the order of its messages, and each message a row `bubbleId:<chat>:<message>`; before, messages stood
in the chat itself, and before that all chats of a workspace in one row of ItemTable.

The database is copied, and the copy only read. What Cursor has not yet written into it (state.vscdb-wal) is not there.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import IO, Any
from urllib.parse import unquote, urlsplit

from app.ops.importing.entries import BadEntry, ConversationParts, Entry, LeftAside, Position, named, said, when
from app.ops.importing.program_text import spoken
from app.ops.importing.repair import repaired

AGENT = "cursor"

_ROW_LIMIT_BYTES = 64 << 20
_ROLES = {1: "user", 2: "assistant", "user": "user", "ai": "assistant"}
_CHATS = """
select key, value from cursorDiskKV
where key >= 'composerData:' and key < 'composerData;' and value is not null order by key
"""
_MESSAGE = "select value from cursorDiskKV where key = ?"
_OLD_CHATS = "select value from ItemTable where key = 'workbench.panel.aichat.view.aichat.chatdata'"


def read(stream: IO[bytes], file: str | None) -> Iterator[Entry]:
    """Yield the chats of a database."""
    aside: Counter[str] = Counter()
    with tempfile.NamedTemporaryFile(suffix=".vscdb") as copy:
        shutil.copyfileobj(stream, copy)
        copy.flush()
        try:
            with closing(_opened(Path(copy.name))) as database:
                for position, chat in _chats(database, file):
                    yield from _chat(database, position, chat, aside) if isinstance(chat, dict) else [chat]
        except sqlite3.Error as error:
            yield BadEntry(
                position=Position(file=file), reason=f"the database is damaged ({error}); close Cursor first"
            )
    yield from (LeftAside(what=what, count=count) for what, count in aside.items())


def _opened(file: Path) -> sqlite3.Connection:
    database = sqlite3.connect(f"{file.as_uri()}?mode=ro&immutable=1", uri=True)
    database.text_factory = bytes
    database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _ROW_LIMIT_BYTES)
    database.execute("pragma trusted_schema = off")
    return database


def _chats(database: sqlite3.Connection, file: str | None) -> Iterator[tuple[Position, dict[str, Any] | BadEntry]]:
    """Yield each chat with its place; in the place of a damaged one why it cannot be read."""
    tables = {name for (name,) in database.execute("select name from sqlite_master where type = 'table'")}
    if b"cursorDiskKV" in tables:
        for key, value in database.execute(_CHATS):
            position = Position(file=file, part=repaired(bytes(key)))
            chat = _object(value)
            if chat is None:
                yield position, BadEntry(position=position, reason="is no JSON object")
            else:
                yield position, {"composerId": position.part[13:] if position.part else None, **chat}
    for (value,) in database.execute(_OLD_CHATS) if b"ItemTable" in tables else ():
        tabs = (_object(value) or {}).get("tabs")
        for tab in tabs if isinstance(tabs, list) else []:
            if isinstance(tab, dict):
                chat = {
                    "composerId": tab.get("tabId"),
                    "name": tab.get("chatTitle"),
                    "conversation": tab.get("bubbles"),
                }
                yield Position(file=file, part=f"chat {named(tab.get('tabId'))}"), chat


def _chat(
    database: sqlite3.Connection, position: Position, chat: dict[str, Any], aside: Counter[str]
) -> Iterator[Entry]:
    id_ = named(chat.get("composerId"))
    parts = ConversationParts(AGENT)
    parts.conversation = {"conversation_id": id_, "title": named(chat.get("name"))}
    began = chat.get("createdAt")
    for message in _messages(database, id_, chat, aside):
        role = _ROLES.get(message["type"]) if isinstance(message.get("type"), int | str) else None
        text = said(message.get("text") or message.get("rawText"))
        text = spoken(text) if role == "user" else text
        if message.get("toolFormerData"):
            aside["calls and results of tools"] += 1
        if message.get("thinking"):
            aside["thoughts"] += 1
        if role is None or not text.strip():
            continue
        parts.folder = parts.folder or _folder(message.get("workspaceUris"))
        time = when(message.get("createdAt")) or (when(began / 1000) if isinstance(began, int | float) else None)
        id_of_message = named(message.get("bubbleId") or message.get("id"))
        yield from parts.add(position, {"role": role, "content": text, "time": time, "id": id_of_message})
    yield from parts.flush()


def _messages(
    database: sqlite3.Connection, id_: str | None, chat: dict[str, Any], aside: Counter[str]
) -> Iterator[dict[str, Any]]:
    """Yield the messages of a chat in their order, wherever they are stored."""
    inside = chat.get("conversationMap")
    headers = chat.get("fullConversationHeadersOnly") or chat.get("conversation")
    for header in headers if isinstance(headers, list) else []:
        if not isinstance(header, dict):
            continue
        name = header.get("bubbleId")
        message = inside.get(name) if isinstance(inside, dict) and isinstance(name, str) else None
        if message is None and "text" not in header and isinstance(name, str):
            row = database.execute(_MESSAGE, (f"bubbleId:{id_}:{name}",)).fetchone()
            message = _object(row[0]) if row is not None else None
            if message is None:
                aside["messages that are no longer there, or damaged"] += 1
                continue
        yield {**header, **message} if isinstance(message, dict) else header


def _folder(places: Any) -> str | None:
    """Return the one folder of a workspace that a message names, as a path of its system."""
    if not isinstance(places, list) or len(places) != 1 or not isinstance(places[0], str):
        return None
    try:
        parts = urlsplit(places[0])
    except ValueError:
        return None
    if parts.scheme not in ("file", "vscode-remote"):
        return None
    path = unquote(parts.path)
    return path[1:] if path[2:3] == ":" else path or None


def _object(value: Any) -> dict[str, Any] | None:
    if not isinstance(value, bytes):
        return None
    try:
        read = json.loads(repaired(value), strict=False)
    except (ValueError, RecursionError):
        return None
    return read if isinstance(read, dict) else None
