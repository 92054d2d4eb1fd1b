"""Makes entries ready to store: removes credentials, cuts long texts into linked pieces, hashes and analyses them.

It does the same as app/memory/remember.py does for a call, so that an imported text is recognised when a client sends
it again.
"""

from __future__ import annotations

import hashlib
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from app.memory.analysis import analyse
from app.memory.moments import in_zone
from app.memory.ports import DomainSettings
from app.memory.texts import Cleaner, content_id, message_hash, pieces, text_hash
from app.memory.types import NewMemory, NewTurn, Piece
from app.ops.importing.entries import GoodEntry
from app.ops.importing.lines import ConversationLine, MemoryLine, MessageLine, PieceLine
from app.store.import_rows import BulkConversation, BulkMemory, BulkTurn, Past

_CONVERSATIONS_REMEMBERED = 1_000  # of those whose messages have no ids; their parts follow each other closely
_MESSAGES_REMEMBERED = 100_000  # of all of these; some 15 MB


class Preparer:
    """Prepares all entries of one import. project: replaces the projects that were read."""

    def __init__(
        self, settings: DomainSettings, new_id: Callable[[], UUID], *, agent: str, project: str | None
    ) -> None:
        self._settings = settings
        self._new_id = new_id
        self._agent = agent
        self._project = project
        self._cleaner = Cleaner(settings)
        self._seen: OrderedDict[str, Counter[bytes]] = OrderedDict()
        self._remembered = 0  # messages in it

    @property
    def redacted(self) -> int:
        """How many credentials were removed so far."""
        return self._cleaner.redacted

    def memory(self, entry: GoodEntry, line: MemoryLine) -> BulkMemory:
        """Return a memory ready to store."""
        text = self._cleaner.text(line.text)
        project = self._project or line.project
        digest = self._digest(line, text == line.text) or text_hash(text)
        id_ = line.id
        if id_ is None and line.archived_at is not None:  # an archived memory is not recognised by its content
            id_ = content_id(hashlib.sha256(digest + (project or "").encode()).digest())
        return BulkMemory(
            memory=NewMemory(
                pieces=self._pieces(line.text, text, id_, line.pieces),
                content_hash=digest,
                kind=line.kind,
                project=project,
                tags=tuple(self._cleaner.text(tag) for tag in line.tags),
                metadata=self._cleaner.value(line.metadata),
                expires_at=self._at(line.expires_at),
                occurred_at=self._at(line.occurred_at),
            ),
            past=self._past(entry, line, id_),
        )

    def conversation(self, entry: GoodEntry, line: ConversationLine) -> BulkConversation:
        """Return a conversation, or a part of one, ready to store; expired messages are left out."""
        now = datetime.now(UTC)
        turns = [self._turn(entry, message) for message in line.messages]
        live = [turn for turn in turns if turn.expires_at is None or turn.expires_at > now]
        return BulkConversation(
            id=line.conversation_id,
            project=self._project or line.project,
            title=None if line.title is None else self._cleaner.text(line.title),
            turns=tuple(self._numbered(line.conversation_id, live)),
            created_at=self._at(line.created_at),
            updated_at=self._at(line.updated_at),
        )

    def _turn(self, entry: GoodEntry, line: MessageLine) -> BulkTurn:
        text, at = self._cleaner.text(line.content), self._at(line.time)
        digest = self._digest(line, text == line.content)
        return BulkTurn(
            turn=NewTurn(
                pieces=self._pieces(line.content, text, line.memory_id, line.pieces),
                content_hash=digest or message_hash(line.role, line.name, at, text),
                role=line.role,
                name=line.name,
                message_id=line.id,
                occurred_at=at,
            ),
            past=self._past(entry, line, line.memory_id),
            kind=line.kind,
            tags=tuple(self._cleaner.text(tag) for tag in line.tags),
            metadata=self._cleaner.value(line.metadata),
            expires_at=self._at(line.expires_at),
        )

    def _numbered(self, conversation: str, turns: Sequence[BulkTurn]) -> Sequence[BulkTurn]:
        """Note on each turn without an id how often the import had the same turn before, in other parts too."""
        if all(turn.turn.message_id is not None or turn.past.known_id for turn in turns):
            return turns
        seen = self._seen.pop(conversation, None) or Counter()
        self._seen[conversation] = seen
        self._remembered += len(turns)
        while len(self._seen) > _CONVERSATIONS_REMEMBERED or (
            self._remembered > _MESSAGES_REMEMBERED and len(self._seen) > 1
        ):
            self._remembered -= self._seen.popitem(last=False)[1].total()
        if (
            self._remembered > _MESSAGES_REMEMBERED
        ):  # one conversation has as many: what is the same far above it is not seen
            seen.clear()
            self._remembered = len(turns)
        numbered = []
        for turn in turns:
            digest = turn.turn.content_hash
            if turn.turn.message_id is None and not turn.past.known_id:
                numbered.append(replace(turn, occurrence=seen[digest]))
                seen[digest] += 1
            else:
                numbered.append(turn)
        return numbered

    def _pieces(self, given: str, text: str, first: UUID | None, cuts: Sequence[PieceLine] | None) -> tuple[Piece, ...]:
        """Cut a text where it was cut before it was exported; elsewhere if it was not cut or has changed."""
        if cuts and text == given and sum(cut.characters for cut in cuts) == len(text):
            starts = [sum(cut.characters for cut in cuts[:number]) for number in range(len(cuts))]
            parts = [text[start : start + cut.characters] for start, cut in zip(starts, cuts, strict=True)]
            return tuple(
                Piece(id=cut.id, text=part, analysis=analyse(part)) for cut, part in zip(cuts, parts, strict=True)
            )
        fresh = pieces(text, self._settings.piece_characters, self._new_id)
        return fresh if first is None else (replace(fresh[0], id=first), *fresh[1:])

    def _at(self, moment: datetime | None) -> datetime | None:
        return None if moment is None else in_zone(moment, self._settings.zone)

    def _digest(self, line: MemoryLine | MessageLine, untouched: bool) -> bytes | None:
        return bytes.fromhex(line.content_hash) if line.content_hash and untouched else None

    def _past(self, entry: GoodEntry, line: MemoryLine | MessageLine, id_: UUID | None) -> Past:
        return Past(
            agent=line.agent if line.agent is not None else entry.agent or self._agent,
            version=line.version,
            created_at=self._at(line.created_at),
            updated_at=self._at(line.updated_at),
            archived_at=self._at(line.archived_at),
            known_id=id_ is not None,
        )
