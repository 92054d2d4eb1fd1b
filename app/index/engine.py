"""The interface of search engines, and the points they hold, with the names of their fields and vectors."""

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

# Names of a point's vectors, and of its payload's keyword fields.
WINDOW, SESSION, DENSE = "window", "session", "dense"
KEYWORDS = ("user", "project", "kind", "tags", "role", "conversation")
AT = "at"  # the field with the time it happened, in seconds since 1970


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """The fields that a search can filter by; an engine never gets a text."""

    user: str
    project: str
    kind: str
    tags: list[str]
    role: str | None
    conversation: str | None
    at: datetime

    def fields(self) -> dict[str, Any]:
        """Return it as engines store it."""
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
    """A memory in the engine, keyed by its id, so that writing it twice is harmless.

    window: weights of the memory's words and, lower, its neighbours'; None if only the session is left.
    session: weights of the whole session's words, on the point of the session's first memory only.
    dense: the memory's vector mixed with its neighbours', packed; None if it has none.
    """

    id: UUID
    payload: Payload
    window: dict[int, float] | None
    session: dict[int, float] | None
    dense: bytes | None = None


class EngineAway(IndexUnavailable):
    """The engine cannot be reached now; its content is intact, so wait for it instead of refilling it."""


class Engine(Protocol):
    """Never blocks the loop. Raises IndexUnavailable if it is broken, EngineAway while it is unreachable."""

    async def apply(self, upserts: Sequence[Point], deletes: Sequence[UUID]) -> None: ...

    async def candidates(self, query: CandidateQuery) -> list[Candidate]:
        """Return the best by window score and, if the query has a vector, those nearest to it.

        Each has both scores: a window score of 0 without a common word, a dense score of None without a vector.
        """

    async def session_scores(
        self, user: str, weights: dict[int, float], sessions: Sequence[UUID]
    ) -> dict[UUID, float]: ...

    async def count(self) -> int: ...

    async def checkpoint(self, position: int, seen: str | None) -> None:
        """Make everything applied durable, then record `position` as where to follow the log from.

        seen: the snapshot whose changes are all applied; None if none were applied since the start.
        """

    async def close(self) -> None: ...


class RebuildableEngine(Engine, Protocol):
    """An engine that can be emptied; `position` is None until it is filled."""

    position: int | None
    checkpoint_every_s: float

    @property
    def space(self) -> Space | None:
        """The vector space it has room for."""

    async def empty(self, space: Space | None) -> None: ...

    async def make_room(self, space: Space) -> None:
        """Accept vectors of `space` from now on; called on an engine without vectors before the first ones."""
