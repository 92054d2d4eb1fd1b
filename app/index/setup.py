"""What a search index offers to the processes that run it, and how it is set up: an `IndexSetup` for each engine."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias

from app.index.collections import Collections
from app.memory.change_log import ChangeLog
from app.memory.ports import SearchIndex

MaySend: TypeAlias = Callable[[], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class Filling:
    """How the filling of an empty engine goes. points: written in this try; failures: tries that failed in a row.

    problem: why the last of them failed.
    """

    points: int = 0
    failures: int = 0
    problem: str | None = None


class Index(SearchIndex, Protocol):
    """The search index as one process has it."""

    @property
    def problem(self) -> str | None:
        """Why the index cannot answer now, in one line; None when it can."""

    @property
    def lag(self) -> tuple[int, float]:
        """The changes that are not applied, as far as is known, and the seconds since the oldest of them."""

    @property
    def filling(self) -> Filling | None:
        """How far the index is filled, where this process fills it."""

    async def start(self) -> None:
        """Open it and begin to keep it usable, in the background. Raises Conflict when another process has it."""

    async def stop(self) -> None:
        """Keep what is done, and close everything; idempotent."""

    async def wait_filled(self, timeout_s: float) -> None:
        """Wait until the index is filled, where this process fills it, but no longer than `timeout_s`."""

    def wake(self) -> None:
        """Tell the index that something was written."""

    async def rebuild(self) -> None:
        """Have the index made anew from the store. Raises StoreUnavailable."""

    async def count(self) -> int:
        """Return how many points it holds. Raises IndexUnavailable and StoreUnavailable."""


class IndexFeeder(Protocol):
    """Keeps a shared index level with the change log, in the one process of all that leads."""

    @property
    def runs(self) -> bool:
        """Whether it feeds here, or tries to."""

    @property
    def problem(self) -> str | None:
        """Why the index is not kept level with the log, in one line; None while it is."""

    @property
    def lag(self) -> tuple[int, float]:
        """The changes seen and not applied, and the seconds since the oldest of them."""

    def wake(self) -> None:
        """Tell the feeder that something was written."""

    async def run(self) -> None:
        """Feed until cancelled. It may be called again."""

    async def close(self) -> None:
        """Close the connections, when it does not run any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexSource:
    """What an index is made from. on_applied: called with how many changes each round applied."""

    log: ChangeLog
    collections: Collections
    on_applied: Callable[[int], None] = lambda changes: None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What answers searches now: a collection or a folder; name is None while nothing does.

    is_wanted: whether it is as the settings want it.
    """

    name: str | None
    points: int
    is_wanted: bool


class SharedIndex(Protocol):
    """The part of a setup whose index all processes of a deployment share."""

    def feeder(self, source: IndexSource, may_send: MaySend) -> IndexFeeder:
        """Return what feeds the index; may_send: asked right before each request that changes something."""


class IndexSetup(Protocol):
    """One engine with the settings that chose it. Making a setup loads nothing of the engine; its methods do."""

    @property
    def name(self) -> str:
        """What reports call an index of this engine."""

    @property
    def modules(self) -> Sequence[str]:
        """What the methods import; loaded in a thread before a server calls them."""

    @property
    def folder(self) -> Path | None:
        """Where the index keeps files on this machine; None where it keeps none."""

    @property
    def remedy(self) -> str:
        """What to do when the index does not answer."""

    @property
    def shared(self) -> SharedIndex | None:
        """How the index is fed; None where each process has an index of its own and follows the log with it."""

    def index(self, source: IndexSource) -> Index:
        """Return the index; not started."""

    async def standing(self, source: IndexSource) -> Standing:
        """Return what answers searches now. Raises StoreUnavailable."""
