"""The interfaces of a search index for the processes that run it; each engine has an `IndexSetup`."""

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
    """The progress of filling an empty engine.

    points: written in this try. failures: tries that failed in a row. problem: why the last of them failed.
    """

    points: int = 0
    failures: int = 0
    problem: str | None = None


class Index(SearchIndex, Protocol):
    """The search index in one process."""

    @property
    def problem(self) -> str | None:
        """Why the index cannot answer now, in one line; None when it can."""

    @property
    def lag(self) -> tuple[int, float]:
        """The number of changes known and not yet applied, and the seconds since the oldest."""

    @property
    def filling(self) -> Filling | None:
        """The progress of filling; None if another process fills the index."""

    async def start(self) -> None:
        """Open it and keep it up to date in the background. Raises Conflict when another process has it open."""

    async def stop(self) -> None:
        """Save what is applied and close everything; idempotent."""

    async def wait_filled(self, timeout_s: float) -> None:
        """If this process fills the index, wait until it is filled, at most `timeout_s`."""

    def wake(self) -> None:
        """Report that something was written."""

    async def rebuild(self) -> None:
        """Start a rebuild of the index from the store. Raises StoreUnavailable."""

    async def count(self) -> int:
        """Return the number of its points. Raises IndexUnavailable and StoreUnavailable."""


class IndexFeeder(Protocol):
    """Keeps a shared index up to date with the change log, in the leading process only."""

    @property
    def runs(self) -> bool:
        """Whether this process feeds the index, or tries to."""

    @property
    def problem(self) -> str | None:
        """Why the index is not kept up to date, in one line; None while it is."""

    @property
    def lag(self) -> tuple[int, float]:
        """The number of changes seen and not applied, and the seconds since the oldest."""

    def wake(self) -> None:
        """Report that something was written."""

    async def run(self) -> None:
        """Feed until cancelled. May be called again."""

    async def close(self) -> None:
        """Close the connections; call it after `run` has ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexSource:
    """The data an index is made from. on_applied: called with how many changes each round applied."""

    log: ChangeLog
    collections: Collections
    on_applied: Callable[[int], None] = lambda changes: None


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexStatus:
    """The collection or folder that answers searches; its name is None if none does.

    is_wanted: whether it matches the settings.
    """

    name: str | None
    points: int
    is_wanted: bool


class SharedIndex(Protocol):
    """The part of a setup for an index that all processes of a deployment share."""

    def feeder(self, source: IndexSource, may_send: MaySend) -> IndexFeeder:
        """Return the index's feeder. may_send: called right before each request that changes something."""


class IndexSetup(Protocol):
    """One engine with its settings. Constructing it imports no engine; its methods do."""

    @property
    def name(self) -> str:
        """The name of this kind of index in reports."""

    @property
    def modules(self) -> Sequence[str]:
        """The modules that the methods import; a server loads them in a thread before it calls them."""

    @property
    def folder(self) -> Path | None:
        """The folder of the index on this machine; None if it has none."""

    @property
    def remedy(self) -> str:
        """What to do when the index does not answer."""

    @property
    def shared(self) -> SharedIndex | None:
        """How to feed the index; None if each process has its own index and follows the log."""

    def index(self, source: IndexSource) -> Index:
        """Return the index, not started."""

    async def status(self, source: IndexSource) -> IndexStatus:
        """Return the status of what answers searches now. Raises StoreUnavailable."""
