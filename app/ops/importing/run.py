"""Runs an import: reads and prepares entries in a thread, stores them batch by batch, and counts.

Each batch is one transaction, and what is stored already is skipped. So running an import again finishes one that was
stopped, even by kill -9.
"""

from __future__ import annotations

import asyncio
import io
import time
import zlib
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import IO, Any
from zipfile import BadZipFile

from app.backoff import Backoff
from app.counted import counted
from app.datadir.project_names import ProjectNames
from app.errors import StoreUnavailable
from app.memory.types import Scope
from app.ops.importing.entries import BadEntry, Entry, GoodEntry, LeftAside, Position, ProjectName
from app.ops.importing.formats import READERS, NotUnderstood, detected
from app.ops.importing.lines import ConversationLine, MemoryLine
from app.ops.importing.names import Format
from app.ops.importing.prepare import Preparer
from app.ops.importing.repair import as_utf8
from app.ops.importing.sources import HEAD_BYTES, UNPACK, Counted, Source, Sources, Unreadable, opened
from app.ops.progress import Bar
from app.runtime.command_database import open_database
from app.runtime.composition import domain_settings, outbox_writing
from app.settings.fields import Settings
from app.settings.loading import load_settings
from app.store.import_rows import BulkConversation, BulkMemory
from app.store.import_writing import BatchRefused, ImportWriter
from app.store.postgres import PostgresStore
from app.store.rows import new_id

# Two batches are in memory: one is stored while the next is prepared. A character that is a word of its own takes some
# 100 bytes until it is stored, so a batch with a long text is stored before the next one is prepared.
_BATCH_ROWS = 1_000
_BATCH_CHARACTERS = 500_000
CANNOT_BE_READ = (OSError, EOFError, BadZipFile, zlib.error, NotImplementedError, Unreadable)  # a disk, an archive
_PROBLEMS_KEPT = 100_000  # some 20 MB; further ones are only counted
_PROBLEMS_SHOWN = 20
_NOTHING = b"\0 \t\r\n[]{}\xef\xbb\xbf"  # all that an empty file or list consists of
_MANY = 10_000  # entries stored: then refreshing the planner's statistics is worth 0.2 s
BACKOFF, TRIES = Backoff(first_s=1.0, longest_s=8.0), 6  # an embedded PostgreSQL that died is back within seconds


@dataclass(slots=True)
class ImportReport:
    """What an import did. skipped: stored already, or expired. redacted: credentials removed. bad: not stored.

    note: what the source does not give, in one line.
    """

    formats: list[str] = field(default_factory=list)
    memories_stored: int = 0
    memories_skipped: int = 0
    messages_stored: int = 0
    messages_skipped: int = 0
    redacted: int = 0
    bad: int = 0
    left_aside: Counter[str] = field(default_factory=Counter)
    nothing: bool = False  # the input holds something, and nothing of it was taken
    problems: list[BadEntry] = field(default_factory=list)
    seconds: float = 0.0
    note: str | None = None

    @property
    def stored(self) -> int:
        """Memories and messages together."""
        return self.memories_stored + self.messages_stored

    @property
    def skipped(self) -> int:
        """Memories and messages together."""
        return self.memories_skipped + self.messages_skipped

    def refuse(self, problem: BadEntry) -> None:
        """Count a bad entry."""
        self.bad += 1
        if len(self.problems) < _PROBLEMS_KEPT:
            self.problems.append(problem)

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON values."""
        return {
            "format": ", ".join(self.formats),
            "stored": self.stored,
            "skipped": self.skipped,
            "redacted": self.redacted,
            "bad": self.bad,
            "left_aside": dict(sorted(self.left_aside.items())),
            "nothing": self.nothing,
            "memories": {"stored": self.memories_stored, "skipped": self.memories_skipped},
            "messages": {"stored": self.messages_stored, "skipped": self.messages_skipped},
            "seconds": round(self.seconds, 3),
            "note": self.note,
            "problems": [
                {"file": bad.position.file, "line": bad.position.line, "part": bad.position.part, "reason": bad.reason}
                for bad in self.problems
            ],
        }

    def summary(self) -> str:
        """Return lines for people: the counts, then the first bad entries."""
        counts = (
            f"stored {self.stored:,} ({counted(self.memories_stored, 'memory', 'memories')}, "
            f"{counted(self.messages_stored, 'message')}), "
            f"skipped {self.skipped:,}, redacted {self.redacted:,}, bad {self.bad:,}"
        )
        lines = [f"{counts}, in {self.seconds:,.1f} s"]
        if aside := ", ".join(f"{count:,} {what}" for what, count in self.left_aside.most_common()):
            lines.append(f"left aside: {aside}")
        if self.nothing:
            formats = ", ".join(self.formats) or "no format"
            lines.append(f"nothing was taken: read as {formats}, it holds no memory and no message (docs/importing.md)")
        lines += [f"  {bad.position}: {bad.reason}" for bad in self.problems[:_PROBLEMS_SHOWN]]
        if self.bad > _PROBLEMS_SHOWN:
            lines.append(f"  and {self.bad - _PROBLEMS_SHOWN:,} more; --json lists them")
        lines += [self.note] if self.note else []
        return "\n".join(lines)


def run(
    file: str, *, format: Format | None, project: str | None, user: str | None, data_dir: str | None, bar: Bar
) -> ImportReport:
    """Import FILE for a user. Bad entries of the file are in the report. Raises MemoryServerError."""
    settings = load_settings({"memory_data_dir": data_dir})
    scope = Scope(user or settings.default_user_id, settings.default_agent_id)

    async def work() -> ImportReport:
        with ExitStack() as stack:
            sources = opened(file, stack)  # first: no server is started for a file that does not exist
            async with open_database(settings, "import") as db:
                store = PostgresStore(db, outbox_writing(settings))
                names = ProjectNames(settings.data_dir)
                importer = Importer(store, scope, settings, project=project, bar=bar, names=names)
                return await importer.import_all(sources, format)

    return asyncio.run(work())


@dataclass(slots=True)
class _Batch:
    memories: list[tuple[Position, BulkMemory]] = field(default_factory=list)
    conversations: list[tuple[Position, BulkConversation]] = field(default_factory=list)
    problems: list[BadEntry] = field(default_factory=list)
    left_aside: Counter[str] = field(default_factory=Counter)
    expired_memories: int = 0
    expired_messages: int = 0
    rows: int = 0
    characters: int = 0

    @property
    def full(self) -> bool:
        return self.rows >= _BATCH_ROWS or self.characters >= _BATCH_CHARACTERS or len(self.problems) >= _BATCH_ROWS


class Importer:
    """Stores what was read, for one user, and counts."""

    def __init__(
        self,
        store: PostgresStore,
        scope: Scope,
        settings: Settings,
        *,
        project: str | None,
        bar: Bar,
        names: ProjectNames | None = None,
        backoff: Backoff = BACKOFF,
    ) -> None:
        self._store = store
        self._writer = ImportWriter(store.db, store.outbox)
        self._scope = scope
        self._bar = bar
        self._backoff = backoff
        self._preparer = Preparer(domain_settings(settings), new_id, agent=scope.agent, project=project)
        self._names = names or ProjectNames(None)
        self._project_names: dict[str, str] = {}  # of the account's projects that are imported
        self._something = False
        self.report = ImportReport()

    async def import_all(self, sources: Sources, format: Format | None) -> ImportReport:
        """Import everything. Raises MemoryServerError."""
        began = time.monotonic()
        await self._delete_expired()
        self._bar.total(sources.total_bytes)
        batches = self._batches(sources, format)
        writing: asyncio.Task[None] | None = None
        try:
            while (batch := await asyncio.to_thread(next, batches, None)) is not None:
                if writing is not None:
                    await writing
                writing = asyncio.create_task(self._write(batch))
                await (writing if batch.characters > _BATCH_CHARACTERS else asyncio.sleep(0))  # else let it begin
                del batch
        finally:  # store what was read before a file turned out to be broken, too
            if writing is not None:
                await writing
            await self._end(began)
        return self.report

    async def import_listed(self, entries: AsyncIterator[Entry], name: str) -> ImportReport:
        """Import what another service lists. name: of the service. Raises MemoryServerError."""
        began = time.monotonic()
        await self._delete_expired()
        self.report.formats.append(name)
        batch = _Batch()
        try:
            async for entry in entries:
                self._put(batch, entry)
                if batch.full:
                    full, batch = batch, _Batch()
                    await self._write(full)
        finally:  # store what was listed before the service failed, too
            await self._write(batch)
            await self._end(began)
        return self.report

    async def _delete_expired(self) -> None:
        while await self._store.delete_expired():
            pass  # otherwise a text that only an expired memory has would be skipped

    async def _end(self, began: float) -> None:
        if self.report.stored >= _MANY:
            await self._writer.refresh_statistics()
        self.report.redacted = self._preparer.redacted
        self.report.nothing = self._something and not self.report.stored + self.report.skipped
        self.report.seconds = time.monotonic() - began

    def _batches(self, sources: Sources, format: Format | None) -> Iterator[_Batch]:
        batch = _Batch()
        for entry in self._entries(sources, format):
            self._put(batch, entry)
            if batch.full:
                yield batch
                batch = _Batch()
        yield batch

    def _entries(self, sources: Sources, format: Format | None) -> Iterator[Entry]:
        if sources.others:
            yield LeftAside(what="other files", count=sources.others)
        if sources.packed:
            yield LeftAside(what=f"rollouts packed with zstd (unpack them: {UNPACK})", count=sources.packed)
        for source in sources.streams:
            try:
                with source.open() as file:
                    yield from self._read(source, file, format)
            except NotUnderstood as error:
                if len(sources.streams) == 1:
                    raise
                yield BadEntry(position=Position(file=source.name), reason=str(error))
            except CANNOT_BE_READ as error:
                why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
                yield BadEntry(position=Position(file=source.name), reason=f"cannot be read further: {why}")

    def _read(self, source: Source, file: IO[bytes], format: Format | None) -> Iterator[Entry]:
        counted = Counted(file, self._bar.read)
        head = counted.head(HEAD_BYTES)
        name = format or source.format or detected(head)
        if name not in self.report.formats:
            self.report.formats.append(name)
        if not head.strip(_NOTHING):
            return
        self._something = True
        folder = None
        for entry in READERS[name](as_utf8(io.BufferedReader(counted, 1 << 18)), source.name):
            if isinstance(entry, GoodEntry) and entry.folder is None and source.folder is not None:
                folder = folder or source.folder()
                yield replace(entry, folder=folder)
            else:
                yield entry

    def _put(self, batch: _Batch, entry: Entry) -> None:
        """Prepare an entry and add it to the batch."""
        if isinstance(entry, BadEntry):
            batch.problems.append(entry)
        elif isinstance(entry, LeftAside):
            batch.left_aside[entry.what] += entry.count
        elif isinstance(entry, ProjectName):
            self._project_names[entry.project_id] = entry.name
        elif isinstance(entry.item, MemoryLine):
            self._put_memory(batch, entry, entry.item.model_copy(update=self._placed(entry)))
        else:
            self._put_conversation(batch, entry, entry.item.model_copy(update=self._placed(entry)))

    def _placed(self, entry: GoodEntry) -> dict[str, str | None]:
        """Return the project of an entry that only says what names it."""
        if entry.project_id is not None:
            return {"project": self._project_names.get(entry.project_id)}
        return {} if entry.folder is None else {"project": self._names.of(entry.folder)}

    def _put_memory(self, batch: _Batch, entry: GoodEntry, line: MemoryLine) -> None:
        memory = self._preparer.memory(entry, line)
        if memory.memory.expires_at is not None and memory.memory.expires_at <= datetime.now(UTC):
            batch.expired_memories += 1
            return
        batch.memories.append((entry.position, memory))
        batch.rows += len(memory.memory.pieces)
        batch.characters += len(line.text)

    def _put_conversation(self, batch: _Batch, entry: GoodEntry, line: ConversationLine) -> None:
        conversation = self._preparer.conversation(entry, line)
        batch.conversations.append((entry.position, conversation))
        batch.expired_messages += len(line.messages) - len(conversation.turns)
        batch.rows += 1 + sum(len(turn.turn.pieces) for turn in conversation.turns)
        batch.characters += sum(len(message.content) for message in line.messages)

    async def _write(self, batch: _Batch) -> None:
        report = self.report
        for problem in batch.problems:
            report.refuse(problem)
        report.left_aside.update({what: count for what, count in batch.left_aside.items() if count})
        report.memories_skipped += batch.expired_memories
        report.messages_skipped += batch.expired_messages
        if batch.memories:
            await self._write_memories(batch.memories)
        if batch.conversations:
            await self._write_conversations(batch.conversations)
        self._bar.done(report.stored + report.skipped)

    async def _write_memories(self, memories: list[tuple[Position, BulkMemory]]) -> None:
        try:
            rows = [memory for _, memory in memories]
            stored = await self._retried(lambda: self._writer.add_memories(self._scope, rows))
        except BatchRefused as error:
            if len(memories) == 1:
                self.report.refuse(BadEntry(position=memories[0][0], reason=str(error)))
                return
            for memory in memories:  # so that one bad memory keeps out no other
                await self._write_memories([memory])
            return
        self.report.memories_stored += stored
        self.report.memories_skipped += len(memories) - stored

    async def _write_conversations(self, conversations: list[tuple[Position, BulkConversation]]) -> None:
        try:
            rows = [conversation for _, conversation in conversations]
            stored = await self._retried(lambda: self._writer.add_conversations(self._scope, rows))
        except BatchRefused as error:
            if len(conversations) == 1:
                self.report.refuse(BadEntry(position=conversations[0][0], reason=str(error)))
                return
            for conversation in conversations:
                await self._write_conversations([conversation])
            return
        self.report.messages_stored += stored
        self.report.messages_skipped += sum(len(conversation.turns) for conversation in rows) - stored

    async def _retried(self, call: Any) -> int:
        """Call, and again after a pause while PostgreSQL does not answer; a batch that was stored is then skipped."""
        for failures in range(1, TRIES):
            try:
                return int(await call())
            except StoreUnavailable:
                await self._backoff.wait(failures)
        return int(await call())
