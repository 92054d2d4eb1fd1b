"""The domain's types: scopes, kinds, drafts, memories, filters and results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

if TYPE_CHECKING:
    from app.memory.explained import Explanation

TEXT_LIMIT_CHARACTERS = 1_000_000  # in one call; longer than any note, and split in well under a second
QUERY_LIMIT_CHARACTERS = 4_000  # a question, not a document: every word costs a lookup
NAME_LIMIT_CHARACTERS = 200  # projects, tags, names of speakers, ids given by clients
TAGS_LIMIT = 50
METADATA_LIMIT_BYTES = 16_384
METADATA_LIMIT_DEPTH = 32  # well below the depth at which Python and PostgreSQL fail
MESSAGES_LIMIT = 5_000  # messages in one call; a longer conversation takes several calls
RESULTS_LIMIT = 100
MEMORIES_LIMIT = 1_000_000_000  # that a user may have; more than any does
RECENT_LIMIT = 500  # memories in one list; more fit no reply budget
EXPIRES_LIMIT_DAYS = 36_500


class Kind(StrEnum):
    """The sort of a memory; a message of a conversation is always a `turn`."""

    NOTE = "note"
    FACT = "fact"
    PREFERENCE = "preference"
    DECISION = "decision"
    REFERENCE = "reference"
    SUMMARY = "summary"
    TURN = "turn"


class RecallMode(StrEnum):
    """How many of the memories found go into a recalled context."""

    CONSERVATIVE = "conservative"  # only memories that are clearly about the question
    BALANCED = "balanced"  # the best memories, and then the turns before them
    COMPREHENSIVE = "comprehensive"  # as many as fit, and then the turns before and after them


class Order(StrEnum):
    """How results from several projects are merged."""

    SCORE = "score"
    TIME = "time"
    PROJECT = "project"


@dataclass(frozen=True, slots=True)
class Scope:
    """The caller of an operation, made once per request and passed to every function that needs it."""

    user: str
    agent: str = ""
    permissions: frozenset[str] = frozenset({"read", "write", "admin"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """What search needs to know about a text: `analysis.analyse` makes it, and the store keeps it beside the text.

    terms: hashed terms in ascending order, each repeated as often as it occurs (31-bit, never 0); a tuple, or an array.
    words: number of words, including stop words. first_person: how often the writer speaks of themselves, at most 3.
    """

    terms: Sequence[int]
    words: int
    asks: bool
    tells_time: bool
    tells_number: bool
    first_person: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One row to store: a whole memory, or one of the linked pieces of a longer text."""

    id: UUID
    text: str
    analysis: Analysis


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMemory:
    """A checked, redacted memory, ready to store. `pieces` has one entry unless the text was too long.

    kind_given: whether the caller chose the kind, which then replaces that of a memory with the same text.
    """

    pieces: tuple[Piece, ...]
    content_hash: bytes
    kind: Kind
    project: str | None
    tags: tuple[str, ...]
    metadata: dict[str, Any]
    expires_at: datetime | None
    kind_given: bool = False
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
    """The result of storing a memory. updated: the arguments that changed the memory that has the text already."""

    id: UUID
    created: bool
    duplicate: bool
    updated: tuple[str, ...] = ()
    redacted: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Updated:
    """The result of changing a memory."""

    version: int
    redacted: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredConversation:
    """The result of storing a conversation: how many messages were new, and how many it already had."""

    conversation_id: str
    stored: int
    skipped: int
    redacted: int = 0


class Origin(StrEnum):
    """Where a result comes from, when another service holds the memories."""

    MEMU = "memu"
    OUTBOX = "outbox"  # here until the service has it
    LOCAL = "local"  # here from a time when this store was in use


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """A stored memory with all its fields; its times are in that of the place where they were, or of the reader.

    source: None while memories are kept here.
    """

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
    source: Origin | None = None

    @property
    def at(self) -> datetime:
        """When it happened, or when it was stored if that is unknown."""
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
    archived: bool = False  # true: archived memories only, which no index holds; false: live ones only


ALL = Filter()  # every live memory


class Traits(NamedTuple):
    """What ranking needs to know about a stored candidate, without its text."""

    id: UUID
    role: str | None
    name: str | None
    at: datetime
    asks: bool
    tells_time: bool
    tells_number: bool
    first_person: int
    offset: int | None = None  # of `at`, in minutes, if it tells a place


class Candidate(NamedTuple):
    """A memory that the index proposes. Scores are sums (>= 0); `ranking` weights them and breaks ties."""

    id: UUID
    window_score: float
    dense_score: float | None = None
    traits: Traits | None = None  # None from the store, which is asked for them


class Nearby(NamedTuple):
    """The terms of a turn, with repeats, and its distance in turns from another: 0 for itself, below 0 before it."""

    distance: int
    id: UUID
    terms: Sequence[int]
    asks: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """Statistics of the projects that a search covers, for ranking.

    memories: number of memories. holding: number of memories that hold each of the requested terms.
    speakers: distinct names of the speakers.
    """

    memories: int
    holding: dict[int, int] = field(default_factory=dict)
    speakers: tuple[str, ...] = ()


class Part(NamedTuple):
    """The part of a long text that answers a question, and whether something stands before and after it."""

    text: str
    cut_before: bool
    cut_after: bool

    @property
    def marked(self) -> str:
        """The text with … where it is cut."""
        return f"{'…' * self.cut_before}{self.text}{'…' * self.cut_after}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchHit:
    """One search result. part: what is shown of a long text; None: all of it."""

    memory: Memory
    score: float
    part: Part | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchResult:
    """The results of a search, best first. reason: why it is degraded, where that is not the index.

    explanation: of the scores, if that was asked for; unexplained: why there is none.
    """

    results: tuple[SearchHit, ...]
    truncated: bool
    degraded: bool
    reason: str | None = None
    explanation: Explanation | None = None
    unexplained: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundElsewhere:
    """What another service finds for a question, best first. problem: why it found nothing or could not be asked."""

    memories: tuple[Memory, ...] = ()
    problem: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recalled:
    """A context made of memories within a token budget, oldest first within each source.

    in_part: the sources of whose text the context has a part.
    """

    context: str
    sources: tuple[Memory, ...]
    in_part: frozenset[UUID]
    tokens: int
    left_out: int
    degraded: bool
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryUpdate:
    """The fields an update sets; None leaves a field unchanged, and an empty project is none."""

    text: str | None = None
    kind: Kind | None = None
    project: str | None = None
    tags: tuple[str, ...] | None = None
    metadata: dict[str, Any] | None = None
    expires_in_days: float | None = None
    archived: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which memories to forget: those that match every field set; at least one must be set."""

    ids: tuple[UUID, ...] | None = None
    conversation_id: str | None = None
    project: str | None = None
    before: datetime | None = None


@dataclass(frozen=True, slots=True)
class Quota:
    """How many memories and bytes of text a user may store; 0 means no limit."""

    memories: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class Use:
    """How much a user stores, including archived memories, and the quota."""

    memories: int
    bytes: int
    quota: Quota


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """Counts of one user's memories, including archived ones; `use` covers all projects."""

    memories: int
    by_kind: dict[str, int]
    by_project: dict[str, int]
    conversations: int
    oldest: datetime | None
    newest: datetime | None
    bytes: int
    use: Use


class OutboxDepth(NamedTuple):
    """How much waits. waiting: entries to be sent or being worked on; oldest_s: the age of the oldest of these."""

    waiting: int
    oldest_s: float
    refused: int
