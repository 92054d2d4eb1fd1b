"""A user's index while it is open: its parts, and the small changes of which no part was made yet."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

from app.index.engine import Point

if TYPE_CHECKING:
    from app.index.embedded.partition import Parts

_POINTS_INLINE = 32  # making a part of so few takes a millisecond, about as long as handing it to a thread
_POSTINGS_INLINE = 20_000  # of them, and no more postings


@dataclass(slots=True)
class OpenIndex:
    """saving: how many of its parts are being saved. dirty: whether it must be.

    written, deleted: small changes, of which parts are made when they are asked for: after ten writes in a row once.
    """

    parts: Parts
    saving: int = 0
    dirty: bool = False
    written: dict[UUID, Point] = field(default_factory=dict)
    deleted: set[UUID] = field(default_factory=set)

    def note(self, points: Sequence[Point], deleted: Sequence[UUID]) -> None:
        """Note a change; of a memory that is in both, the point counts."""
        for id_ in deleted:
            self.written.pop(id_, None)
        self.deleted.update(deleted)
        self.written.update((point.id, point) for point in points)
        self.dirty = True

    @property
    def unsaved(self) -> int:
        """The number of postings without a file."""
        return sum(part.segment.postings for part in self.parts if part.file is None)


def is_small(points: Collection[Point], deleted: Collection[UUID]) -> bool:
    """Whether a part of a change is made in about a millisecond."""
    few = len(points) + len(deleted) <= _POINTS_INLINE
    return few and sum(len(point.window) for point in points) <= _POSTINGS_INLINE
