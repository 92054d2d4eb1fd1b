"""The interface of search engines, and the points they hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol
from uuid import UUID

from app.errors import IndexUnavailable
from app.memory.change_log import Space
from app.memory.ports import CandidateQuery
from app.memory.types import Candidate, Corpus, Traits


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """The fields that a search filters by, and those that ranking needs; an engine never gets a text.

    offset: of `at`, in minutes, if it tells a place.
    """

    user: str
    project: str
    kind: str
    tags: list[str]
    role: str | None
    conversation: str | None
    at: datetime
    name: str | None = None
    asks: bool = False
    tells_time: bool = False
    tells_number: bool = False
    first_person: int = 0
    offset: int | None = None

    def traits(self, id_: UUID) -> Traits:
        """Return what ranking needs of the memory with this id."""
        cues = (self.asks, self.tells_time, self.tells_number, self.first_person)
        return Traits(id_, self.role, self.name, self.at, *cues, self.offset)


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A memory in the engine, keyed by its id, so that writing it twice is harmless.

    window: weights of the memory's words and, lower, its neighbours'; the first `own` of its terms are the memory's.
    dense: the memory's vector mixed with its neighbours', packed; None if it has none.
    """

    id: UUID
    payload: Payload
    window: Mapping[int, float]
    own: int = 0
    dense: bytes | None = None


class Deleted(NamedTuple):
    """A memory to delete, and whose it is; "" for a user who was removed."""

    user: str
    id: UUID


class EngineAway(IndexUnavailable):
    """The engine cannot be reached now; its content is intact, so wait for it instead of refilling it."""


class Engine(Protocol):
    """Never blocks the loop. Raises IndexUnavailable if it is broken, EngineAway while it is unreachable."""

    async def apply(self, upserts: Sequence[Point], deletes: Sequence[Deleted]) -> None: ...

    async def candidates(self, query: CandidateQuery) -> list[Candidate]:
        """Return the best by window score and, if the query has a vector, those nearest to it.

        Each has both scores: a window score of 0 without a common word, a dense score of None without a vector.
        """

    async def corpus(self, user: str, projects: Sequence[str] | None, terms: Sequence[int]) -> Corpus | None:
        """Return the counts of a user's memories in some projects, None for all; None if the engine counts nothing."""

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
    uses_numpy: bool  # so that many windows may be made with it

    @property
    def space(self) -> Space | None:
        """The vector space it has room for."""

    async def empty(self, space: Space | None) -> None: ...

    async def make_room(self, space: Space) -> None:
        """Accept vectors of `space` from now on; called on an engine without vectors before the first ones."""
