"""The domain's types: scopes, kinds, drafts, memories, filters and results."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

TEXT_LIMIT_CHARACTERS = 1_000_000  # one call; longer than any note, short enough to split in well under a second
QUERY_LIMIT_CHARACTERS = 4_000  # a question, not a document: every word of it costs a look-up
NAME_LIMIT_CHARACTERS = 200  # projects, tags, names of speakers, ids given by clients
TAGS_LIMIT = 50
METADATA_LIMIT_BYTES = 16_384
METADATA_LIMIT_DEPTH = 32  # far from where Python and PostgreSQL give up
MESSAGES_LIMIT = 5_000  # messages of one call; a longer conversation comes in several calls
RESULTS_LIMIT = 100
EXPIRES_LIMIT_DAYS = 36_500


class Kind(StrEnum):
    """What sort of memory it is; a message of a conversation is always a `turn`."""

    NOTE = "note"
    FACT = "fact"
    PREFERENCE = "preference"
    DECISION = "decision"
    REFERENCE = "reference"
    SUMMARY = "summary"
    TURN = "turn"


class RecallMode(StrEnum):
    """How much of what was found goes into a recalled context."""

    CONSERVATIVE = "conservative"  # only what is clearly about the question
    BALANCED = "balanced"  # the best, each turn with the one before it
    COMPREHENSIVE = "comprehensive"  # as much as fits, each turn with both neighbours


class Order(StrEnum):
    """How results from several projects are merged."""

    SCORE = "score"
    TIME = "time"
    PROJECT = "project"


@dataclass(frozen=True, slots=True)
class Scope:
    """Who asks: made once at the door, taken as an argument by everything inside."""

    user: str
    agent: str = ""
    permissions: frozenset[str] = frozenset({"read", "write", "admin"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """What search needs to know of a text; made by `analysis.analyse`, stored beside the text.

    terms: hashed terms in ascending order, each as often as it occurs (31-bit, never 0).
    words: number of words, stop words included.
    """

    terms: tuple[int, ...]
    words: int
    asks: bool
    tells_time: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One row to store: a whole memory, or one linked piece of a longer text."""

    id: UUID
    text: str
    analysis: Analysis


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMemory:
    """A checked, redacted memory, ready to store. `pieces` has one entry unless the text was too long."""

    pieces: tuple[Piece, ...]
    content_hash: bytes
    kind: Kind
    project: str | None
    tags: tuple[str, ...]
    metadata: dict[str, Any]
    expires_at: datetime | None
    created_at: datetime | None = None
    occurred_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTurn:
    """A checked, redacted message of a conversation, ready to store."""

    pieces: tuple[Piece, ...]
    content_hash: bytes
    role: str
    name: str | None
    message_id: str | None
    occurred_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """The answer to a write."""

    id: UUID
    created: bool
    duplicate: bool
    redacted: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Updated:
    """The answer to a change of a memory."""

    version: int
    redacted: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredConversation:
    """The answer to a conversation: how many messages were new, and how many were there already."""

    conversation_id: str
    stored: int
    skipped: int
    redacted: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """A stored memory, whole."""

    id: UUID
    version: int
    text: str
    kind: Kind
    project: str | None
    tags: tuple[str, ...]
    metadata: dict[str, Any]
    role: str | None
    name: str | None
    conversation_id: str | None
    message_id: str | None
    position: int | None
    created_at: datetime
    updated_at: datetime
    occurred_at: datetime | None
    expires_at: datetime | None
    archived_at: datetime | None

    @property
    def at(self) -> datetime:
        """When it happened, or when it was stored where that is not known."""
        return self.occurred_at or self.created_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What a search is limited to; None means no limit. `until` is exclusive."""

    projects: tuple[str, ...] | None = None
    kinds: tuple[Kind, ...] | None = None
    tags: tuple[str, ...] | None = None  # all of them
    role: str | None = None
    conversation_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class Candidate(NamedTuple):
    """A memory the index proposes. Scores are BM25 sums (>= 0); weights and ties are `ranking`'s business."""

    id: UUID
    window_score: float
    dense_score: float | None = None


class Traits(NamedTuple):
    """What the ranking needs of a stored candidate, without its text."""

    id: UUID
    session: UUID
    name: str | None
    at: datetime
    words: int
    asks: bool
    tells_time: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """The searched projects of one user as ranking knows them.

    memories: how many there are. holding: how many hold each of the terms asked for; none is left out.
    speakers: the distinct names of those who speak in them.
    """

    memories: int
    holding: dict[int, int] = field(default_factory=dict)
    speakers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One search result."""

    memory: Memory
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchResult:
    """What a search found, best first."""

    results: tuple[Found, ...]
    truncated: bool
    degraded: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Recalled:
    """A context made of memories, within a token budget, oldest first inside each source."""

    context: str
    sources: tuple[Memory, ...]
    tokens: int
    left_out: int
    degraded: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryUpdate:
    """What an update sets; None leaves a field as it is."""

    text: str | None = None
    kind: Kind | None = None
    tags: tuple[str, ...] | None = None
    metadata: dict[str, Any] | None = None
    expires_in_days: float | None = None
    archived: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What to forget: the conjunction of what is set; at least one must be."""

    ids: tuple[UUID, ...] | None = None
    conversation_id: str | None = None
    project: str | None = None
    before: datetime | None = None


@dataclass(frozen=True, slots=True)
class Quota:
    """How many memories and bytes of text a user may keep; 0 is no limit."""

    memories: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class Use:
    """What a user keeps, archived memories included, of what is allowed."""

    memories: int
    bytes: int
    quota: Quota


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """Counts of one user's memories, archived ones included; `use` is of all projects."""

    memories: int
    by_kind: dict[str, int]
    by_project: dict[str, int]
    conversations: int
    oldest: datetime | None
    newest: datetime | None
    bytes: int
    use: Use
