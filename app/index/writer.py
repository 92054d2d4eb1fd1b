"""Writes the points of sessions to an engine: reads their vectors and makes the points, some at a time."""

from __future__ import annotations

import asyncio
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import repeat
from typing import TYPE_CHECKING, TypeAlias
from uuid import UUID

from app.index.engine import Point, RebuildableEngine
from app.index.points import made_windows, of_size, session_points, vectors_needed
from app.memory.bm25 import NEIGHBOURS
from app.memory.change_log import ChangeLog, Member, Space

if TYPE_CHECKING:
    from app.memory.windows import Window

_POINTS_AT_ONCE = 1_000
_MEMORIES_AT_ONCE = 4_000
_MANY = 64  # memories: fewer windows are made as quickly without arrays

Positions: TypeAlias = Mapping[UUID, set[int]]  # of changed members, by session


async def write_sessions(
    log: ChangeLog,
    engine: RebuildableEngine,
    members: Mapping[UUID, Sequence[Member]],
    positions: Positions,
    *,
    points_at_once: int = _POINTS_AT_ONCE,
    memories_at_once: int = _MEMORIES_AT_ONCE,
) -> int:
    """Write the points of sessions, all or those near the changed positions; return how many.

    points_at_once: the most given to the engine at a time. memories_at_once: about how many are read at a time.
    """
    written = 0
    for part in _parts(members, memories_at_once):
        vectors = await log.vectors(_needed(part, positions))
        if vectors and engine.space is None and (space := await log.space()):
            await engine.make_room(space)
        points = await asyncio.to_thread(_points, part, positions, vectors, engine.space, arrays=engine.uses_numpy)
        for first in range(0, len(points), points_at_once):
            await engine.apply(points[first : first + points_at_once], ())
        written += len(points)
    return written


def slices(
    members: Mapping[UUID, Sequence[Member]], positions: Positions, at_once: int, terms_at_once: int
) -> Iterator[tuple[Positions, dict[UUID, Sequence[Member]]]]:
    """Divide changed positions into slices, each with the members that its points depend on.

    A slice has at most `at_once` positions, and ends with the one that makes it `terms_at_once` terms.
    """
    some: dict[UUID, set[int]] = {}
    size = terms = 0
    for session, turns in members.items():
        lengths = {turn.position: len(turn.terms) for turn in turns}
        for place in sorted(positions[session]):
            some.setdefault(session, set()).add(place)
            size, terms = size + 1, terms + lengths.get(place, 0)
            if size >= at_once or terms >= terms_at_once:
                yield from _slice(some, members)
                some, size, terms = {}, 0, 0
    yield from _slice(some, members)


def _slice(
    positions: Positions, members: Mapping[UUID, Sequence[Member]]
) -> Iterator[tuple[Positions, dict[UUID, Sequence[Member]]]]:
    """Yield positions with the members around them, if there are any: all may have been deleted."""
    near = {session: _around(members[session], min(places), max(places)) for session, places in positions.items()}
    if any(near.values()):
        yield (
            {session: places for session, places in positions.items() if near[session]},
            {session: turns for session, turns in near.items() if turns},
        )


def _around(turns: Sequence[Member], first: int, last: int) -> Sequence[Member]:
    """Return the members that vectors and neighbours of the points from the first to the last position come from."""
    reach = 2 * NEIGHBOURS
    begin = bisect_left(turns, first - reach, key=lambda member: member.position)
    end = bisect_right(turns, last + reach, key=lambda member: member.position)
    return turns[begin:end]


def _parts(members: Mapping[UUID, Sequence[Member]], memories: int) -> Iterator[dict[UUID, Sequence[Member]]]:
    """Divide sessions into parts of about `memories` memories, whose vectors are some megabytes."""
    part: dict[UUID, Sequence[Member]] = {}
    size = 0
    for session, turns in members.items():
        part[session] = turns
        size += len(turns)
        if size >= memories:
            yield part
            part, size = {}, 0
    if part:
        yield part


def _needed(members: Mapping[UUID, Sequence[Member]], positions: Positions) -> list[UUID]:
    return [id_ for session, turns in members.items() for id_ in vectors_needed(turns, positions.get(session))]


def _points(
    members: Mapping[UUID, Sequence[Member]],
    positions: Positions,
    vectors: Mapping[UUID, bytes],
    space: Space | None,
    *,
    arrays: bool,
) -> list[Point]:
    """Return the points of sessions; runs in a thread, since a session can have a megabyte of terms.

    arrays: whether many windows are made with numpy.
    """
    usable = of_size(vectors, space.size) if space and vectors else {}
    many = arrays and sum(map(len, members.values())) >= _MANY
    windows: Iterable[Sequence[Window] | None] = made_windows(members.values()) if many else repeat(None, len(members))
    return [
        point
        for (session, turns), made in zip(members.items(), windows, strict=True)
        for point in session_points(turns, positions.get(session), usable, made)
    ]
