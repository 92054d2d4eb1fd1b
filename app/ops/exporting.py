"""Writes everything a user has as JSON Lines that `import` reads back without loss.

All of it is from one moment. Memories come first, one on each line, then conversations, a line for each run of
messages. Archived memories are included, expired ones are not, nor what is derived: terms, sessions, positions.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from rich.filesize import decimal

from app.counted import counted
from app.datadir.space import words_for
from app.durable import replacing
from app.errors import Conflict, MemoryServerError
from app.memory.texts import message_hash, text_hash
from app.memory.types import Kind, Scope
from app.ops.progress import Bar
from app.runtime.command_database import open_database
from app.settings.loading import load_settings
from app.store.database import Database
from app.store.export_reading import ExportedConversation, ExportedMemory, ExportSnapshot, export_snapshot
from app.store.users import UnknownUser, Users
from app.terminal import printable

# A reader can easily hold a line of this many messages or characters in memory.
_LINE_MESSAGES = 500
_LINE_CHARACTERS = 2_000_000


class Unwritable(MemoryServerError):
    """The file to export to cannot be written."""

    code = "unwritable"
    status = 400


@dataclass(slots=True)
class ExportReport:
    """What was written."""

    memories: int = 0
    messages: int = 0
    conversations: int = 0
    bytes: int = 0
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON values."""
        return {**asdict(self), "seconds": round(self.seconds, 3)}

    def summary(self) -> str:
        """Return one line for people."""
        return (
            f"exported {counted(self.memories, 'memory', 'memories')} and {counted(self.messages, 'message')} of "
            f"{counted(self.conversations, 'conversation')}, {decimal(self.bytes)}, in {self.seconds:,.1f} s"
        )


def run(
    file: str, *, project: str | None, user: str | None, data_dir: str | None, replace: bool, bar: Bar
) -> ExportReport:
    """Export what a user has to FILE, which is there once everything is written. Raises MemoryServerError.

    replace: whether an existing file is overwritten; else it is a Conflict.
    user: None for DEFAULT_USER_ID, which may have nothing yet; any other must be known (UnknownUser).
    """
    settings = load_settings({"memory_data_dir": data_dir})
    scope = Scope(user or settings.default_user_id)

    exists = file != "-" and Path(file).expanduser().is_file()

    async def work() -> ExportReport:
        with _opened(file) as out:
            async with open_database(settings, "export") as db:
                if user is not None and not await Users(db).known(user):
                    raise UnknownUser(user)
                if exists and not replace:
                    raise Conflict(f"{file} exists already; give --replace to overwrite it with the new export")
                return await write(db, scope, out, project=project, bar=bar)

    return asyncio.run(work())


async def write(db: Database, scope: Scope, out: IO[bytes], *, project: str | None, bar: Bar) -> ExportReport:
    """Write the lines of a user, or of one project."""
    began = time.monotonic()
    report = ExportReport()
    async with export_snapshot(db, scope) as snapshot:
        async for line in _lines(snapshot, project, report):
            data = printable(json.dumps(line, ensure_ascii=False, separators=(",", ":"))).encode() + b"\n"
            _put(out, data)
            report.bytes += len(data)
            bar.read(len(data))
            bar.done(report.memories + report.messages)
    report.seconds = time.monotonic() - began
    return report


async def _lines(snapshot: ExportSnapshot, project: str | None, report: ExportReport) -> AsyncIterator[dict[str, Any]]:
    async for memory in snapshot.memories(project):
        report.memories += 1
        yield _memory(memory)
    current: ExportedConversation | None = None
    messages: list[dict[str, Any]] = []
    characters = 0
    async for conversation, turn in snapshot.turns(project):
        new = current is None or conversation.id != current.id
        if current is not None and (new or len(messages) >= _LINE_MESSAGES or characters >= _LINE_CHARACTERS):
            yield _conversation(current, messages)
            messages, characters = [], 0
        report.conversations += new
        current = conversation
        if turn is not None:
            report.messages += 1
            messages.append(_message(turn))
            characters += len(messages[-1]["content"])
    if current is not None:
        yield _conversation(current, messages)


def _memory(memory: ExportedMemory) -> dict[str, Any]:
    text = "".join(piece for _, piece in memory.pieces)
    return _without_none(
        {
            "text": text,
            "kind": memory.kind,
            "project": memory.project,
            "id": str(memory.pieces[0][0]),
            "occurred_at": memory.occurred_at,
            **_shared(memory, text_hash(text)),
        }
    )


def _message(turn: ExportedMemory) -> dict[str, Any]:
    text = "".join(piece for _, piece in turn.pieces)
    return _without_none(
        {
            "role": turn.role,
            "content": text,
            "name": turn.name,
            "time": turn.occurred_at,
            "id": turn.message_id,
            "kind": None if turn.kind == Kind.TURN else turn.kind,
            "memory_id": str(turn.pieces[0][0]),
            **_shared(turn, message_hash(turn.role or "", turn.name, turn.occurred_at, text)),
        }
    )


def _shared(memory: ExportedMemory, expected_hash: bytes) -> dict[str, Any]:
    """Return what memories and messages have in common. The hash is included when it is not that of the text now."""
    return {
        "tags": memory.tags or None,
        "metadata": memory.metadata or None,
        "created_at": memory.created_at,
        "updated_at": memory.updated_at,
        "expires_at": memory.expires_at,
        "archived_at": memory.archived_at,
        "version": None if memory.version == 1 else memory.version,
        "agent": memory.agent,
        "pieces": None
        if len(memory.pieces) == 1
        else [{"id": str(id_), "characters": len(text)} for id_, text in memory.pieces],
        "content_hash": None if memory.content_hash == expected_hash else memory.content_hash.hex(),
    }


def _conversation(conversation: ExportedConversation, messages: list[dict[str, Any]]) -> dict[str, Any]:
    return _without_none(
        {
            "conversation_id": conversation.id,
            "project": conversation.project,
            "title": conversation.title,
            "created_at": conversation.created_at,
            "updated_at": conversation.updated_at,
            "messages": messages,
        }
    )


def _without_none(fields: dict[str, Any]) -> dict[str, Any]:
    """Leave out what is not set, and write times as ISO 8601."""
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in fields.items()
        if value is not None
    }


@contextmanager
def _opened(file: str) -> Iterator[IO[bytes]]:
    """Open FILE for writing; a regular file appears whole or not at all, readable by its owner only."""
    path = Path(file).expanduser()
    try:
        if file == "-":
            yield sys.stdout.buffer
            sys.stdout.buffer.flush()
        elif path.exists() and not path.is_file():  # a pipe, a device
            with path.open("wb") as out:
                yield out
        else:
            with replacing(path) as out:
                yield out
    except _NotWritten as told:
        raise _unwritable(file, told.error) from told
    except OSError as error:
        raise _unwritable(file, error) from error


def _unwritable(file: str, error: OSError) -> BaseException:
    if isinstance(error, BrokenPipeError):
        return error
    name = "standard output" if file == "-" else file
    return Unwritable(
        f"{name}: {words_for(error) or error.strerror or error}; export takes a file, or - for standard output"
    )


class _NotWritten(Exception):
    """Keeps a failed write apart from a connection's errors, which are OSErrors too."""

    def __init__(self, error: OSError) -> None:
        self.error = error


def _put(out: IO[bytes], data: bytes) -> None:
    try:
        out.write(data)
    except OSError as error:
        raise _NotWritten(error) from error
