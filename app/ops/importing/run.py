"""Runs an import: reads and prepares in a thread, stores batch by batch, counts.

Each batch is one transaction, and what is there already is skipped. So an import that was stopped, even by kill -9,
is finished by running it again.
"""

from __future__ import annotations

import asyncio
import io
import time
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from zipfile import BadZipFile

from app.backoff import Backoff
from app.errors import InvalidInput, StoreUnavailable
from app.memory.types import Scope
from app.ops.importing.entries import Bad, Entry, Found, Place
from app.ops.importing.formats import READERS, detected
from app.ops.importing.lines import ConversationLine, MemoryLine
from app.ops.importing.names import Format
from app.ops.importing.prepare import Preparer
from app.ops.importing.sources import HEAD_BYTES, Counted, Sources, opened
from app.ops.progress import Bar
from app.runtime.command_database import open_database
from app.runtime.composition import domain_settings
from app.settings.fields import Settings
from app.settings.loading import load_settings
from app.store.import_rows import BulkConversation, BulkMemory
from app.store.import_writing import BatchRefused, ImportWriter
from app.store.postgres import PostgresStore
from app.store.rows import new_id

# A batch is held twice, one being stored while the next is prepared.
_BATCH_ROWS = 1_000
_BATCH_CHARACTERS = 2_000_000
_PROBLEMS_KEPT = 100_000  # some 20 MB; beyond that they are counted only
_PROBLEMS_SHOWN = 20
_MANY = 10_000  # stored; then the planner's statistics are worth their 0.2 s
BACKOFF, TRIES = Backoff(first_s=1.0, longest_s=8.0), 6  # an embedded PostgreSQL that died is back within seconds


@dataclass(slots=True)
class ImportReport:
    """What an import did. skipped: was there already, or has expired. redacted: credentials taken out."""

    formats: list[str] = field(default_factory=list)
    memories_stored: int = 0
    memories_skipped: int = 0
    messages_stored: int = 0
    messages_skipped: int = 0
    redacted: int = 0
    bad: int = 0
    problems: list[Bad] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def stored(self) -> int:
        """Memories and messages together."""
        return self.memories_stored + self.messages_stored

    @property
    def skipped(self) -> int:
        """Memories and messages together."""
        return self.memories_skipped + self.messages_skipped

    def refuse(self, problem: Bad) -> None:
        """Note something bad."""
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
            "memories": {"stored": self.memories_stored, "skipped": self.memories_skipped},
            "messages": {"stored": self.messages_stored, "skipped": self.messages_skipped},
            "seconds": round(self.seconds, 3),
            "problems": [
                {"file": one.place.file, "line": one.place.line, "part": one.place.part, "reason": one.reason}
                for one in self.problems
            ],
        }

    def summary(self) -> str:
        """Return it for people: a line of counts, then the first bad places."""
        counts = (
            f"stored {self.stored:,} ({self.memories_stored:,} memories, {self.messages_stored:,} messages), "
            f"skipped {self.skipped:,}, redacted {self.redacted:,}, bad {self.bad:,}"
        )
        lines = [f"{counts}, in {self.seconds:,.1f} s"]
        lines += [f"  {one.place}: {one.reason}" for one in self.problems[:_PROBLEMS_SHOWN]]
        if self.bad > _PROBLEMS_SHOWN:
            lines.append(f"  and {self.bad - _PROBLEMS_SHOWN:,} more; --json lists them")
        return "\n".join(lines)


def run(
    file: str, *, format: Format | None, project: str | None, user: str | None, data_dir: str | None, bar: Bar
) -> ImportReport:
    """Import FILE for a user. Raises MemoryServerError; what is bad in the file is in the report instead."""
    settings = load_settings({"memory_data_dir": data_dir})
    scope = Scope(user or settings.default_user_id, settings.default_agent_id)

    async def work() -> ImportReport:
        with ExitStack() as stack:
            sources = opened(file, stack)  # first: no server is started for a file that is not there
            async with open_database(settings, "import") as db:
                store = Importer(PostgresStore(db), scope, settings, project=project, bar=bar)
                return await store.take(sources, format)

    return asyncio.run(work())


@dataclass(slots=True)
class _Batch:
    memories: list[tuple[Place, BulkMemory]] = field(default_factory=list)
    conversations: list[tuple[Place, BulkConversation]] = field(default_factory=list)
    problems: list[Bad] = field(default_factory=list)
    expired_memories: int = 0
    expired_messages: int = 0
    rows: int = 0
    characters: int = 0

    @property
    def full(self) -> bool:
        return self.rows >= _BATCH_ROWS or self.characters >= _BATCH_CHARACTERS or len(self.problems) >= _BATCH_ROWS


class Importer:
    """Stores what is read for one user, and counts."""

    def __init__(
        self,
        store: PostgresStore,
        scope: Scope,
        settings: Settings,
        *,
        project: str | None,
        bar: Bar,
        backoff: Backoff = BACKOFF,
    ) -> None:
        self._store = store
        self._writer = ImportWriter(store.db)
        self._scope = scope
        self._bar = bar
        self._backoff = backoff
        self._preparer = Preparer(domain_settings(settings), new_id, agent=scope.agent, project=project)
        self.report = ImportReport()

    async def take(self, sources: Sources, format: Format | None) -> ImportReport:
        """Import everything. Raises MemoryServerError."""
        began = time.monotonic()
        while await self._store.delete_expired():
            pass  # or the content of one that is over would be taken for a memory that is there
        self._bar.total(sources.total_bytes)
        batches = self._batches(sources, format)
        writing: asyncio.Task[None] | None = None
        try:
            while (batch := await asyncio.to_thread(next, batches, None)) is not None:
                if writing is not None:
                    await writing
                writing = asyncio.create_task(self._write(batch))
                await asyncio.sleep(0)  # so that the write is on its way before the next batch is prepared
        finally:  # also what was read before a file turned out to be broken
            if writing is not None:
                await writing
            if self.report.stored >= _MANY:
                await self._writer.refresh_statistics()
            self.report.redacted = self._preparer.redacted
            self.report.seconds = time.monotonic() - began
        return self.report

    def _batches(self, sources: Sources, format: Format | None) -> Iterator[_Batch]:
        batch = _Batch()
        for entry in self._entries(sources, format):
            self._put(batch, entry)
            if batch.full:
                yield batch
                batch = _Batch()
        yield batch

    def _entries(self, sources: Sources, format: Format | None) -> Iterator[Entry]:
        for source in sources.streams:
            try:
                with source.open() as file:
                    counted = Counted(file, self._bar.read)
                    name = format or (Format.CLAUDE_CODE if sources.transcripts else detected(counted.head(HEAD_BYTES)))
                    if name not in self.report.formats:
                        self.report.formats.append(name)
                    yield from READERS[name](io.BufferedReader(counted, 1 << 18), source.name)
            except InvalidInput as error:  # of an unknown kind
                if len(sources.streams) == 1:
                    raise
                yield Bad(place=Place(file=source.name), reason=str(error))
            except (OSError, EOFError, BadZipFile, zlib.error, NotImplementedError) as error:
                why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
                yield Bad(place=Place(file=source.name), reason=f"cannot be read on: {why}")

    def _put(self, batch: _Batch, entry: Entry) -> None:
        """Prepare an entry and add it to the batch."""
        if isinstance(entry, Bad):
            batch.problems.append(entry)
        elif isinstance(entry.item, MemoryLine):
            self._put_memory(batch, entry, entry.item)
        else:
            self._put_conversation(batch, entry, entry.item)

    def _put_memory(self, batch: _Batch, found: Found, line: MemoryLine) -> None:
        if line.expires_at is not None and line.expires_at <= datetime.now(UTC):
            batch.expired_memories += 1
            return
        memory = self._preparer.memory(found, line)
        batch.memories.append((found.place, memory))
        batch.rows += len(memory.memory.pieces)
        batch.characters += len(line.text)

    def _put_conversation(self, batch: _Batch, found: Found, line: ConversationLine) -> None:
        conversation = self._preparer.conversation(found, line)
        batch.conversations.append((found.place, conversation))
        batch.expired_messages += len(line.messages) - len(conversation.turns)
        batch.rows += 1 + sum(len(one.turn.pieces) for one in conversation.turns)
        batch.characters += sum(len(one.content) for one in line.messages)

    async def _write(self, batch: _Batch) -> None:
        report = self.report
        for problem in batch.problems:
            report.refuse(problem)
        report.memories_skipped += batch.expired_memories
        report.messages_skipped += batch.expired_messages
        if batch.memories:
            await self._write_memories(batch.memories)
        if batch.conversations:
            await self._write_conversations(batch.conversations)
        self._bar.done(report.stored + report.skipped)

    async def _write_memories(self, memories: list[tuple[Place, BulkMemory]]) -> None:
        try:
            stored = await self._tried(lambda: self._writer.add_memories(self._scope, [one for _, one in memories]))
        except BatchRefused as error:
            if len(memories) == 1:
                self.report.refuse(Bad(place=memories[0][0], reason=str(error)))
                return
            for one in memories:  # so that one bad memory takes no other with it
                await self._write_memories([one])
            return
        self.report.memories_stored += stored
        self.report.memories_skipped += len(memories) - stored

    async def _write_conversations(self, conversations: list[tuple[Place, BulkConversation]]) -> None:
        try:
            stored = await self._tried(
                lambda: self._writer.add_conversations(self._scope, [one for _, one in conversations])
            )
        except BatchRefused as error:
            if len(conversations) == 1:
                self.report.refuse(Bad(place=conversations[0][0], reason=str(error)))
                return
            for one in conversations:
                await self._write_conversations([one])
            return
        self.report.messages_stored += stored
        self.report.messages_skipped += sum(len(one.turns) for _, one in conversations) - stored

    async def _tried(self, call: Any) -> int:
        """Call, again after a pause while PostgreSQL does not answer: a batch that was stored is skipped then."""
        for failures in range(1, TRIES):
            try:
                return int(await call())
            except StoreUnavailable:
                await self._backoff.wait(failures)
        return int(await call())
