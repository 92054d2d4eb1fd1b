"""The interfaces of what the domain needs: the store (the source of truth) and the index (finds candidates).

`app.store`, `app.index`, `app.embedding` and `app.reranking` implement these; nothing here depends on PostgreSQL or
Qdrant.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import TYPE_CHECKING, Literal, Protocol
from uuid import UUID

from app.memory.preparing import Preparing
from app.memory.searching import Searching
from app.memory.types import (
    ALL,
    Candidate,
    Corpus,
    Filter,
    FoundElsewhere,
    Memory,
    MemoryUpdate,
    Nearby,
    NewMemory,
    NewTurn,
    Piece,
    Scope,
    Selection,
    Stats,
    Stored,
    StoredConversation,
    Traits,
)

if TYPE_CHECKING:
    from app.memory.outbox import Outbox


class MemoryStore(Protocol):
    """Holds every memory. Each call sees only the memories of `scope.user`.

    Every call raises StoreUnavailable when the database does not answer in time.
    """

    async def add(self, scope: Scope, memory: NewMemory) -> Stored:
        """Store a memory and its change in one transaction; add what came with content already stored to the first."""

    async def add_turns(
        self, scope: Scope, conversation_id: str, project: str | None, title: str | None, turns: Sequence[NewTurn]
    ) -> StoredConversation:
        """Append turns to a conversation in one transaction, and skip turns it already has."""

    async def get(self, scope: Scope, ids: Sequence[UUID]) -> dict[UUID, Memory]:
        """Return the memories with these ids that exist, including archived but not expired ones."""

    async def update(
        self, scope: Scope, memory_id: UUID, update: MemoryUpdate, piece: Piece | None, content_hash: bytes | None
    ) -> int:
        """Change a memory and return its new version. `piece` holds the new text, if it changes.

        Raises NotFound, and Conflict for another memory with the same text, or a message that would change its project.
        """

    async def forget(self, scope: Scope, selection: Selection, dry_run: bool) -> int:
        """Delete the selected memories, always whole texts, and return how many it deleted (or would delete)."""

    async def stats(self, scope: Scope, project: str | None) -> Stats:
        """Count the user's memories."""

    async def recent(self, scope: Scope, limit: int, where: Filter = ALL, skip: int = 0) -> list[Memory]:
        """Return the newest memories that pass the filter, newest first, without the first `skip`."""

    async def of_project(self, scope: Scope, project: str, limit: int) -> list[Memory]:
        """Return the newest memories of a project, newest first."""

    async def project_names(self, scope: Scope, beginning: str, limit: int) -> list[str]:
        """Return the names of projects that begin with a text, in their order."""

    async def conversation_ids(self, scope: Scope, beginning: str, limit: int) -> list[str]:
        """Return the ids of conversations that begin with a text, the last changed ones first."""

    async def of_conversation(self, scope: Scope, conversation_id: str, limit: int) -> list[Memory]:
        """Return the turns of a conversation in order."""

    async def neighbours(self, scope: Scope, ids: Sequence[UUID], before: int, after: int) -> dict[UUID, list[Memory]]:
        """Return, for each turn, itself and the live turns around it in its session, in order."""

    async def terms_around(
        self, scope: Scope, ids: Sequence[UUID], reach: int, longest: int
    ) -> dict[UUID, list[Nearby]]:
        """Return, for each memory, itself and what an index has of its session up to `reach` turns from it, in order.

        So archived ones are left out unless they are asked for, and expired ones are there as long as they are stored.
        longest: neighbours of more terms are left out, except a question right before the memory.
        """

    async def corpus(self, scope: Scope, projects: Sequence[str] | None, terms: Sequence[int]) -> Corpus:
        """Return the present exact document frequencies, and at most 200 distinct names of speakers."""

    async def traits(self, scope: Scope, ids: Sequence[UUID], where: Filter) -> dict[UUID, Traits]:
        """Return the traits of those candidates that are live, belong to the user and pass the filter."""

    async def match(
        self, scope: Scope, terms: Sequence[int], where: Filter, limit: int
    ) -> list[tuple[UUID, list[int]]]:
        """Find memories that hold any of the terms, without the index; return (id, its terms with repeats) of each."""

    async def match_words(
        self, scope: Scope, words: Sequence[str], phrase: Sequence[str], where: Filter, limit: int
    ) -> list[tuple[UUID, str]]:
        """Find memories whose texts hold all the words, in any case, and return (id, text) of each.

        First those that hold the phrase, its words as they are written, then the newest; of many memories only the
        newest are read. Words and phrase have letters, digits and low lines only.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateQuery:
    """A question for the index: weighted terms, and the limits of the search.

    dense: its unit vector from the configured embedding model; an index with other vectors or none ignores it.
    """

    user: str
    weights: dict[int, float]
    where: Filter
    limit: int
    dense: tuple[float, ...] | None = None


class IndexView(Protocol):
    """One user's memories in the index, with every write that was committed before the view was opened.

    Every call raises IndexUnavailable when the index cannot answer; the domain then searches the store.
    """

    async def corpus(self, user: str, projects: Sequence[str] | None, terms: Sequence[int]) -> Corpus | None:
        """Return the counts of the user's memories in some projects, None for all; None where the store counts."""

    async def candidates(self, query: CandidateQuery) -> list[Candidate]:
        """Return the best by window score and, if the query has a vector, those nearest to it."""


class SearchIndex(Protocol):
    """Finds candidates. It is derived from the store and can be rebuilt at any time."""

    async def view(self, user: str) -> IndexView:
        """Return a view of a user's memories as of now. Raises IndexUnavailable."""


class Embedder(Protocol):
    """Turns texts into vectors.

    model: the name of the vectors; only vectors with the same name are comparable.
    at_once: the best number of texts for one call.
    """

    @property
    def model(self) -> str: ...

    @property
    def at_once(self) -> int: ...

    async def embed(self, texts: Sequence[str], kind: Literal["query", "passage"]) -> list[tuple[float, ...] | None]:
        """Return the unit vector of each text, all of one size; None for a text that the service rejects.

        Raises EmbeddingUnavailable, and EmbeddingRefused when only an operator can help.
        """


class QuestionVectors(Protocol):
    """Turns questions into vectors while the searcher waits."""

    async def vector(self, question: str) -> tuple[float, ...] | None:
        """Return the question's unit vector, or None if it is not ready in time. Raises nothing."""


class Reranker(Protocol):
    """Tells how well texts answer a question, while the searcher waits."""

    async def relevances(self, question: str, texts: Sequence[str]) -> dict[int, float] | None:
        """Return the relevance of texts by their places, of all or some; None if it is not there in time.

        Relevances are finite, on no particular scale; higher is better. Raises nothing.
        """


class ForeignSearch(Protocol):
    """Asks another service that holds the memories."""

    async def find(self, scope: Scope, query: str, limit: int) -> FoundElsewhere:
        """Return what the service finds, or why it cannot be asked, within a second or so. Raises nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Elsewhere:
    """Another service that holds the memories: how it is searched, and the outbox of what it does not have yet."""

    search: ForeignSearch
    outbox: Outbox


@dataclass(frozen=True, slots=True)
class Unembedded:
    """A memory without a vector; `version` shows whether it has changed since it was read."""

    id: UUID
    version: int
    name: str | None
    text: str


class VectorStore(Protocol):
    """Stores the vectors of all users. Every call raises StoreUnavailable."""

    async def horizon(self) -> int:
        """Return the transaction horizon: `changed` finds everything written from there on."""

    async def older(self, model: str, than: UUID, limit: int) -> tuple[list[Unembedded], UUID | None]:
        """Return live memories without a vector of the model, newest first, and where to continue; None at the end."""

    async def changed(self, model: str, position: int, limit: int) -> tuple[list[Unembedded], int]:
        """Return those written since a position, and the position to read from next.

        Raises LogPruned when the log does not reach back that far, or when a sweep would be cheaper.
        """

    async def store(self, model: str, embedded: Sequence[tuple[Unembedded, bytes]]) -> int:
        """Store vectors (packed as in app/memory/vectors.py) of texts that have not changed; return how many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainSettings:
    """The settings of the domain. zone: of times given without an offset, and of days; None for the machine's."""

    piece_characters: int
    redact: bool
    reply_tokens: int
    zone: tzinfo | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """What every operation of the domain works with: the store, the index and the settings."""

    store: MemoryStore
    index: SearchIndex
    settings: DomainSettings
    new_id: Callable[[], UUID]
    questions: QuestionVectors | None = None  # None without an embedding model: search by words alone
    reranker: Reranker | None = None  # None without a rerank model: the order stays as ranked
    elsewhere: Elsewhere | None = None  # None where memories are kept here
    preparing: Preparing = field(default_factory=Preparing)
    searching: Searching = field(default_factory=Searching)
