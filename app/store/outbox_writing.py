"""Puts writes into the outbox, in the transaction that stores their memories."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from app.memory.types import Piece

# Ids are given in the order of the rows, so that the entries of a conversation are in its order.
_PUT = """
with entries as (
    insert into outbox (key, user_id, conversation_id, title, part, parts)
    select key, $1, conversation_id, title, part, parts
    from unnest($2::uuid[], $3::text[], $4::text[], $5::integer[], $6::integer[]) with ordinality
         as new (key, conversation_id, title, part, parts, place)
    order by place
    returning id, key
)
insert into outbox_memories (entry_id, place, user_id, memory_id)
select id, place, $1, memory_id
from unnest($7::uuid[], $8::integer[], $9::uuid[]) as new (key, place, memory_id) join entries using (key)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxWriting:
    """How a store hands its writes to another service.

    characters: the most text of one request. keeps: whether memories stay here once the service has them; where not,
    what it has already counts as stored.
    """

    characters: int
    keeps: bool


class Text(NamedTuple):
    """A stored row to hand over: its memory's id, and how long it is."""

    id: UUID
    characters: int

    @classmethod
    def of(cls, piece: Piece) -> Text:
        """Return the text of a stored piece."""
        return cls(piece.id, len(piece.text))


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """What one call stored: a memory, or turns in their order."""

    texts: Sequence[Text]
    conversation_id: str | None = None
    title: str | None = None

    def entries(self, characters: int) -> list[list[UUID]]:
        """Return the ids in runs of at most so many characters; a longer text is a run of its own."""
        runs: list[list[UUID]] = []
        room = 0
        for text in self.texts:
            if not runs or text.characters > room:
                runs.append([])
                room = characters
            runs[-1].append(text.id)
            room -= text.characters
        return runs


async def put(connection: Any, user: str, writes: Iterable[Write], characters: int) -> None:
    """Put writes into the outbox, each cut into entries of at most `characters` of text."""
    entries: list[tuple[UUID, str | None, str | None, int, int]] = []
    memories: list[tuple[UUID, int, UUID]] = []
    for write in writes:
        runs = write.entries(characters)
        for part, ids in enumerate(runs, 1):
            key = uuid4()
            entries.append((key, write.conversation_id, write.title, part, len(runs)))
            memories += ((key, place, id_) for place, id_ in enumerate(ids))
    if entries:
        columns = [list(column) for rows in (entries, memories) for column in zip(*rows, strict=True)]
        await connection.execute(_PUT, user, *columns)
