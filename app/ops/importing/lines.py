"""The lines of our JSON Lines: `import` reads them, `export` writes them.

Each is a memory or a conversation; `export` adds fields so that nothing is lost. The rules for values are those of
every other way in: app/memory/requests.py.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import FailFast, Field

from app.memory.arguments import ClientId, MemoryId, Metadata, Moment, Name, Tags, Text
from app.memory.requests import Message, Request
from app.memory.types import Kind

Version = Annotated[int, Field(strict=True, ge=1, le=2_147_483_647)]
Digest = Annotated[str, Field(strict=True, pattern=r"^[0-9a-f]{64}$")]

_MOMENT = (
    "an ISO 8601 date or date and time, such as 2026-05-08 or 2026-05-08T19:00:00-07:00; without an offset, in TIMEZONE"
)
_KIND = "one of " + ", ".join(Kind)
_NAME = "up to 200 characters"


class PieceLine(Request):
    """One linked piece of a text that was too long for one memory: its id and its length in characters."""

    id: MemoryId = Field(description="the id of a memory")
    characters: Annotated[int, Field(strict=True, ge=1)] = Field(description="a whole number above 0")


class _Shared(Request):
    """What a memory and a message have in common."""

    tags: Tags = Field(default_factory=list, description="a list of up to 50 tags of up to 200 characters")
    metadata: Metadata = Field(default_factory=dict, description="a JSON object of up to 16,384 bytes")
    created_at: Moment | None = Field(None, description=_MOMENT)
    updated_at: Moment | None = Field(None, description=_MOMENT)
    expires_at: Moment | None = Field(None, description=_MOMENT)
    archived_at: Moment | None = Field(None, description=_MOMENT)
    version: Version = Field(1, description="a whole number above 0")
    agent: Literal[""] | Name | None = Field(None, description=_NAME)
    pieces: list[PieceLine] | None = Field(
        None, max_length=10_000, description="a list of {id, characters}, as export writes it"
    )
    content_hash: Digest | None = Field(None, description="64 hexadecimal digits")


class MemoryLine(_Shared):
    """A memory."""

    text: Text = Field(description="a text of 1 to 1,000,000 characters")
    kind: Kind = Field(Kind.NOTE, description=_KIND)
    project: Name | None = Field(None, description=_NAME)
    occurred_at: Moment | None = Field(None, description=_MOMENT)
    id: MemoryId | None = Field(None, description="the id of a memory")


class MessageLine(_Shared, Message):
    """A message of a conversation; `id` is the client's, `memory_id` ours."""

    kind: Kind = Field(Kind.TURN, description=_KIND)
    memory_id: MemoryId | None = Field(None, description="the id of a memory")


class ConversationLine(Request):
    """A conversation, or a part of one."""

    conversation_id: ClientId = Field(description=_NAME)
    messages: Annotated[list[MessageLine], FailFast()] = Field(
        description="a list of messages {role, content, name?, time?, id?}"
    )
    project: Name | None = Field(None, description=_NAME)
    title: Name | None = Field(None, description=_NAME)
    created_at: Moment | None = Field(None, description=_MOMENT)
    updated_at: Moment | None = Field(None, description=_MOMENT)
