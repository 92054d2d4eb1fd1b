"""What a search engine must do for us, and what it is given: points, with the names their fields and vectors have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from app.errors import IndexUnavailable
from app.memory.change_log import Space
from app.memory.ports import CandidateQuery
from app.memory.types import Candidate

# Names of a point's vectors, and of the fields of its payload that hold one keyword or several.
WINDOW, SESSION, DENSE = "window", "session", "dense"
KEYWORDS = ("user", "project", "kind", "tags", "role", "conversation")
AT = "at"  # the field that holds when it happened, in seconds since 1970


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """What a search can be limited by; no text ever goes to an engine."""

    user: str
    project: str
    kind: str
    tags: list[str]
    role: str | None
    conversation: str | None
    at: datetime

    def fields(self) -> dict[str, Any]:
        """Return it as engines keep it."""
        return {
            "user": self.user,
            "project": self.project,
            "kind": self.kind,
            "tags": self.tags,
            "role": self.role,
            "conversation": self.conversation,
            AT: self.at.timestamp(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A memory in the engine, keyed by its id, so that applying it twice is harmless.

    window: weights of the memory's words and, less, its neighbours'; None where only the session is left.
    session: weights of the whole session's words, held by the point of the session's first memory.
    dense: the memory's vector mixed with its neighbours', as app/memory/vectors.py keeps it; None where there is none.
    """

    id: UUID
    payload: Payload
    window: dict[int, float] | None
    session: dict[int, float] | None
    dense: bytes | None = None


class EngineAway(IndexUnavailable):
    """The engine cannot be reached now; what it holds is sound, so it is waited for and not filled anew."""


class Engine(Protocol):
    """Never blocks the loop. All raise IndexUnavailable when the engine is broken, EngineAway while it is away."""

    async def apply(self, upserts: Sequence[Point], deletes: Sequence[UUID]) -> None: ...

    async def candidates(self, query: CandidateQuery) -> list[Candidate]:
        """Return the best by window score and, where the query has a vector, those nearest to it.

        Each with both scores: a window score of 0 without a common word, a dense score of None without a vector.
        """

    async def session_scores(
        self, user: str, weights: dict[int, float], sessions: Sequence[UUID]
    ) -> dict[UUID, float]: ...

    async def count(self) -> int: ...

    async def checkpoint(self, position: int, seen: str | None) -> None:
        """Make everything applied durable, then `position` as the place to follow the log from.

        seen: the snapshot whose changes are all applied; None when nothing was since the start.
        """

    async def close(self) -> None: ...


class RebuildableEngine(Engine, Protocol):
    """An engine that can be emptied; `position` is None until it was filled once."""

    position: int | None
    checkpoint_every_s: float

    @property
    def space(self) -> Space | None:
        """Whose vectors it takes."""

    async def empty(self, space: Space | None) -> None: ...

    async def make_room(self, space: Space) -> None:
        """Take vectors of `space` from now on; called on an engine that has none, once the first of a model come."""
