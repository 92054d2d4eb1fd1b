"""What the domain needs from outside: the store (the truth) and the index (finds candidates).

`app.store` and `app.index` implement these; nothing here knows PostgreSQL or Qdrant.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol
from uuid import UUID

from app.memory.types import (
    Candidate,
    Corpus,
    Filter,
    Memory,
    MemoryUpdate,
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


class MemoryStore(Protocol):
    """Holds every memory. Each call sees the memories of `scope.user` only.

    All raise StoreUnavailable when the database does not answer in time.
    """

    async def add(self, scope: Scope, memory: NewMemory) -> Stored:
        """Store a memory and its change in one transaction; the same content again answers with the first one."""

    async def add_turns(
        self, scope: Scope, conversation_id: str, project: str | None, title: str | None, turns: Sequence[NewTurn]
    ) -> StoredConversation:
        """Append turns to a conversation in one transaction; turns that are there already are skipped."""

    async def get(self, scope: Scope, ids: Sequence[UUID]) -> dict[UUID, Memory]:
        """Return those of `ids` that are there, archived ones included, expired ones not."""

    async def update(
        self, scope: Scope, memory_id: UUID, update: MemoryUpdate, piece: Piece | None, content_hash: bytes | None
    ) -> int:
        """Change a memory and return its new version. `piece` holds the new text, when there is one.

        Raises NotFound, and Conflict when the new text is that of another memory.
        """

    async def forget(self, scope: Scope, selection: Selection, dry_run: bool) -> int:
        """Delete what the selection names, whole texts always, and return how many memories went (or would)."""

    async def stats(self, scope: Scope, project: str | None) -> Stats:
        """Count the user's memories."""

    async def recent(self, scope: Scope, limit: int) -> list[Memory]:
        """Return the newest memories, newest first."""

    async def of_project(self, scope: Scope, project: str, limit: int) -> list[Memory]:
        """Return the newest memories of a project, newest first."""

    async def of_conversation(self, scope: Scope, conversation_id: str, limit: int) -> list[Memory]:
        """Return the turns of a conversation in their order."""

    async def neighbours(self, scope: Scope, ids: Sequence[UUID], before: int, after: int) -> dict[UUID, list[Memory]]:
        """Return for each turn the live turns of its session around it and itself, in order."""

    async def corpus(self, scope: Scope, projects: Sequence[str] | None, terms: Sequence[int]) -> Corpus:
        """Return exact document frequencies as of now, and the distinct names of speakers, at most 200."""

    async def traits(self, scope: Scope, ids: Sequence[UUID], where: Filter) -> dict[UUID, Traits]:
        """Return what ranking needs of those candidates that are live, the user's, and pass the filter."""

    async def match(
        self, scope: Scope, terms: Sequence[int], where: Filter, limit: int
    ) -> list[tuple[UUID, list[int]]]:
        """Find memories that hold any of the terms without the index: (id, own terms with repeats) each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateQuery:
    """A question as the index takes it: weighted terms, and the limits of the search.

    dense: its unit vector, of the embedding model set; an index that has other vectors or none goes without it.
    """

    user: str
    weights: dict[int, float]
    where: Filter
    limit: int
    dense: tuple[float, ...] | None = None


class IndexView(Protocol):
    """What the index knows of one user's memories, with every write that was committed before the view was taken.

    All raise IndexUnavailable when it cannot answer now; the domain then searches the store.
    """

    async def candidates(self, query: CandidateQuery) -> list[Candidate]:
        """Return the best by window score, and those nearest to the vector where the query has one."""

    async def session_scores(self, user: str, weights: dict[int, float], sessions: Sequence[UUID]) -> dict[UUID, float]:
        """Return the score of each session for the weights; one without a common term is left out."""


class SearchIndex(Protocol):
    """Finds candidates. Derived from the store and disposable."""

    async def view(self, user: str) -> IndexView:
        """Return what is known now of a user's memories. Raises IndexUnavailable."""


class Embedder(Protocol):
    """Turns texts into vectors.

    model: names them: only vectors of one name can be compared.
    at_once: how many texts one call takes best.
    """

    @property
    def model(self) -> str: ...

    @property
    def at_once(self) -> int: ...

    async def embed(self, texts: Sequence[str], kind: Literal["query", "passage"]) -> list[tuple[float, ...] | None]:
        """Return the unit vector of each text, all of one size; None for a text that the service will not take.

        Raises EmbeddingUnavailable, and EmbeddingRefused when only an operator can help.
        """


class QuestionVectors(Protocol):
    """Turns questions into vectors while the searcher waits."""

    async def vector(self, question: str) -> tuple[float, ...] | None:
        """Return the question's unit vector, or None when it is not there in time. Raises nothing."""


@dataclass(frozen=True, slots=True)
class Unembedded:
    """A memory without a vector; `version` tells whether it is still the one that was read."""

    id: UUID
    version: int
    name: str | None
    text: str


class VectorStore(Protocol):
    """Where vectors are kept, of all users. All raise StoreUnavailable."""

    async def horizon(self) -> int:
        """Return the transaction horizon: what was written from there on is found by `changed`."""

    async def older(self, model: str, than: UUID, limit: int) -> tuple[list[Unembedded], UUID | None]:
        """Return live memories without a vector of the model, newest first, and where to go on; None at the end."""

    async def changed(self, model: str, position: int, limit: int) -> tuple[list[Unembedded], int]:
        """Return those among what was written from a position on, and the position to read from next.

        Raises LogPruned when the log does not reach back so far, or holds more than a sweep would cost.
        """

    async def store(self, model: str, embedded: Sequence[tuple[Unembedded, bytes]]) -> int:
        """Store vectors (as app/memory/vectors.py keeps them) of texts that are still the same; return how many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainSettings:
    """The settings the domain obeys."""

    piece_characters: int
    redact: bool
    reply_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """What every operation of the domain works on: where memories are kept and found, and the settings it obeys."""

    store: MemoryStore
    index: SearchIndex
    settings: DomainSettings
    new_id: Callable[[], UUID]
    questions: QuestionVectors | None = None  # None without an embedding model: search by words alone
