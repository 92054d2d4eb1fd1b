"""One user's index: segments, the newest last, and which of their rows are still there.

A changed memory gets a row in a new segment, and its old row dies. So what a search began with never changes under it:
every change makes a new tuple of parts. Small ones are merged as they come, larger ones when they are saved, so there
are few.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple
from uuid import UUID

import numpy as np

from app.index.embedded.segment import Segment, build, merged, nothing_dead
from app.index.engine import Point
from app.memory.ordering import Array

# Parts up to these sizes are merged at once, as soon as there are so many: a part costs a search some 30 µs, and
# merging four of the largest of these some 5 ms. Parts that have a file, or are larger, are merged when they are saved.
_SIZES = (500, 3_000, 15_000)
_PARTS_OF_A_SIZE = 4
LARGEST_POSTINGS = 4_000_000  # of a segment, some 24 MB: merging more at once would take seconds


class Part(NamedTuple):
    """A segment and a mask of its rows that are still there. file: the name of its file; None if it has none yet."""

    segment: Segment
    alive: Array
    file: str | None = None

    @property
    def points(self) -> int:
        """The number of rows that are still there."""
        return int(np.count_nonzero(self.alive))


Parts = tuple[Part, ...]


def changed(
    parts: Parts, points: Sequence[Point], deleted: Collection[UUID], *, model: str = "", saving: int = 0
) -> Parts:
    """Return the parts after a change: points written, whether new or not, and others deleted.

    model: of the points' vectors. saving: how many parts at the beginning are being saved and must stay apart.
    """
    parts = without(parts, [*deleted, *(point.id for point in points)])
    if points:
        segment = build(points, model)
        parts = (*parts, Part(segment, nothing_dead(segment)))
    for postings in _SIZES:
        small = _small(parts[saving:], postings)
        if small >= _PARTS_OF_A_SIZE:
            parts = (*parts[:-small], _one_of(parts[-small:], model))
    return parts


def without(parts: Parts, ids: Collection[UUID]) -> Parts:
    """Return the parts without some ids, known or not."""
    return tuple(_without(part, ids) for part in parts)


def _without(part: Part, ids: Collection[UUID]) -> Part:
    rows = part.segment.find(ids)
    if not part.alive[rows].any():
        return part
    alive = part.alive.copy()
    alive[rows] = False
    return part._replace(alive=alive)


def _small(parts: Parts, postings: int) -> int:
    """Return how many parts at the end have no file and at most so many postings."""
    large = (place for place, part in enumerate(reversed(parts)) if part.file or part.segment.postings > postings)
    return next(large, len(parts))


def _one_of(parts: Sequence[Part], model: str) -> Part:
    segment = merged([(part.segment, part.alive) for part in parts], model)
    return Part(segment, nothing_dead(segment))


def to_save(parts: Parts) -> int:
    """Return how many parts at the end must become one when they are saved: those without a file, and smaller ones.

    Parts half of whose rows are dead count by what is alive.
    """
    place = len(parts)
    size = 0
    while place:
        part = parts[place - 1]
        alive = part.segment.postings * part.points // max(1, part.segment.size)
        if part.file is not None and (alive > 2 * size or alive + size > LARGEST_POSTINGS):
            break
        size += alive
        place -= 1
    return len(parts) - place


def replaced(now: Parts, before: Parts, saved: Sequence[Part]) -> Parts:
    """Return the present parts with `saved`, which were made of the parts `before`, in their place.

    Rows that died meanwhile die in `saved` too. Parts that came meanwhile follow.
    """
    died = [
        part.segment.id(row)
        for part, old in zip(now, before, strict=False)
        for row in np.flatnonzero(old.alive & ~part.alive).tolist()
    ]
    return (*without(tuple(saved), died), *now[len(before) :])
