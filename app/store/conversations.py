"""Writes conversations: appends turns in order, each message once, and divides them into sessions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import asyncpg

from app.errors import InvalidInput, shown
from app.memory.types import Kind, NewTurn, Scope, StoredConversation
from app.store.database import Database
from app.store.inserting import Row, Shared, insert

if TYPE_CHECKING:
    from app.store.outbox_writing import OutboxWriting

SESSION_PAUSE = timedelta(hours=3)  # a longer pause begins a new session: people return with another subject
SESSION_TURNS = 256  # limits the points that a new turn can change; sessions of real chats are far shorter


@dataclass(slots=True)
class ConversationEnd:
    """The end of a conversation, to which the next turn is appended."""

    position: int
    session: UUID | None
    session_size: int
    at: datetime | None

    @classmethod
    def of(cls, row: Any) -> ConversationEnd:
        """Return the end recorded in a conversation's row."""
        return cls(row["last_position"], row["last_session"], row["last_session_size"], row["last_at"])

    def session_for(self, turn: NewTurn, pieces: int) -> UUID:
        """Return the turn's session, and count the turn in it."""
        pause = (
            abs(turn.occurred_at - self.at) > SESSION_PAUSE
            if turn.occurred_at is not None and self.at is not None
            else False
        )
        if self.session is None or pause or self.session_size + pieces > SESSION_TURNS:
            self.session, self.session_size = turn.pieces[0].id, 0
        self.session_size += pieces
        self.at = turn.occurred_at or self.at
        return self.session


class Conversations:
    """The part of the store that appends conversations."""

    db: Database
    outbox: OutboxWriting | None
    receipts: bool

    async def add_turns(
        self, scope: Scope, conversation_id: str, project: str | None, title: str | None, turns: Sequence[NewTurn]
    ) -> StoredConversation:
        """Append turns in one transaction, and skip turns the conversation already has.

        It has a turn with a message_id if it has that id. Turns without one are skipped as far as the call repeats the
        end of the conversation.
        Raises InvalidInput when the conversation belongs to another project.
        """
        async with self.db.as_user(scope.user) as connection, connection.transaction():
            row = await _lock(connection, scope, conversation_id, project, title)
            if project is not None and row["project"] != project:
                known = shown(row["project"] or None)
                raise InvalidInput(
                    "project",
                    project,
                    f"{known}, the project of conversation {conversation_id!r}",
                )
            new = await _new_turns(connection, scope, conversation_id, turns, self.receipts)
            end = ConversationEnd.of(row)
            if new:
                shared = Shared(
                    user=scope.user,
                    agent=scope.agent,
                    project=row["project"],
                    kind=Kind.TURN,
                    conversation_id=conversation_id,
                    metadata={},
                )
                await insert(connection, shared, (one for turn in new for one in _rows(turn, end)))
                await connection.execute(
                    """
                    update conversations set messages = messages + $3, last_position = $4, last_session = $5,
                           last_session_size = $6, last_at = $7, updated_at = now()
                    where user_id = $1 and id = $2
                    """,
                    scope.user,
                    conversation_id,
                    len(new),
                    end.position,
                    end.session,
                    end.session_size,
                    end.at,
                )
                if self.outbox is not None:
                    from app.store.outbox_writing import Text, Write, put

                    texts = [Text.of(piece) for turn in new for piece in turn.pieces]
                    write = Write(texts=texts, conversation_id=conversation_id, title=row["title"])
                    await put(connection, scope.user, [write], self.outbox.characters)
        return StoredConversation(conversation_id=conversation_id, stored=len(new), skipped=len(turns) - len(new))


async def _lock(
    connection: asyncpg.Connection, scope: Scope, conversation_id: str, project: str | None, title: str | None
) -> Any:
    """Return the conversation's row, created if needed, locked until the transaction ends."""
    return await connection.fetchrow(
        """
        insert into conversations (user_id, id, project, title) values ($1, $2, $3, $4)
        on conflict (user_id, id) do update set title = coalesce(excluded.title, conversations.title)
        returning project, title, last_position, last_session, last_session_size, last_at
        """,
        scope.user,
        conversation_id,
        project or "",
        title,
    )


async def _new_turns(
    connection: asyncpg.Connection, scope: Scope, conversation_id: str, turns: Sequence[NewTurn], receipts: bool
) -> list[NewTurn]:
    # One statement sees a turn or its receipt, whatever is delivered meanwhile; so does the one of _repeated.
    ids = [turn.message_id for turn in turns if turn.message_id is not None]
    rows = await connection.fetch(
        """
        select message_id from memories where user_id = $1 and conversation_id = $2 and message_id = any($3)
        union all
        select message_id from receipts where $4 and user_id = $1 and conversation_id = $2 and message_id = any($3)
        """,
        scope.user,
        conversation_id,
        ids,
        receipts,
    )
    seen = {row["message_id"] for row in rows}
    anonymous = [turn for turn in turns if turn.message_id is None]
    repeated = {id(turn) for turn in await _repeated(connection, scope, conversation_id, anonymous, receipts)}
    new = []
    for turn in turns:
        if turn.message_id is None:
            if id(turn) not in repeated:
                new.append(turn)
        elif turn.message_id not in seen:
            seen.add(turn.message_id)
            new.append(turn)
    return new


async def _repeated(
    connection: asyncpg.Connection, scope: Scope, conversation_id: str, turns: Sequence[NewTurn], receipts: bool
) -> Sequence[NewTurn]:
    """Return the first turns that repeat the end of the conversation.

    Clients without message ids repeat a call after a timeout, or send the whole conversation so far with the new
    messages after it; both begin with what is stored last.
    """
    if not turns:
        return ()
    rows = await connection.fetch(
        """
        (select position, content_hash from memories
         where user_id = $1 and conversation_id = $2 and part = 0 and message_id is null
         order by position desc limit $3)
        union
        (select position, content_hash from receipts
         where $4 and user_id = $1 and conversation_id = $2 and message_id is null
         order by position desc limit $3)
        order by position desc limit $3
        """,
        scope.user,
        conversation_id,
        len(turns),
        receipts,
    )
    stored = [row["content_hash"] for row in reversed(rows)]
    sent = [turn.content_hash for turn in turns]
    for length in range(len(stored), 0, -1):
        if stored[-length:] == sent[:length]:
            return turns[:length]
    return ()


def _rows(turn: NewTurn, end: ConversationEnd) -> Iterator[Row]:
    """Yield a row for each piece of a turn, and advance `end`."""
    session = end.session_for(turn, len(turn.pieces))
    for part, piece in enumerate(turn.pieces):
        end.position += 1
        yield Row(
            piece=piece,
            content_hash=turn.content_hash,
            whole_id=turn.pieces[0].id,
            part=part,
            session_id=session,
            position=end.position,
            message_id=turn.message_id,
            role=turn.role,
            name=turn.name,
            occurred_at=turn.occurred_at,
        )
