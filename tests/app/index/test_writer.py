"""Writing sessions: all points, some at a time, and room for vectors once there are any."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from app.index.engine import Point
from app.index.writer import write_sessions
from app.memory.change_log import Member, Space
from app.memory.vectors import pack
from tests.support.points import NOON

SPACE = Space("model", 2)


class Recorder:
    """An engine that keeps what it is given."""

    def __init__(self) -> None:
        self.space: Space | None = None
        self.batches: list[list[Point]] = []

    async def apply(self, upserts: Sequence[Point], deletes: Sequence[UUID]) -> None:
        self.batches.append(list(upserts))

    async def make_room(self, space: Space) -> None:
        self.space = space


def log_with(vectors: dict[UUID, bytes]) -> Any:
    async def space() -> Space:
        return SPACE

    async def some(ids: Sequence[UUID]) -> dict[UUID, bytes]:
        return {id_: vectors[id_] for id_ in ids if id_ in vectors}

    return SimpleNamespace(space=space, vectors=some)


def session(first: int, turns: int) -> dict[UUID, list[Member]]:
    id_ = UUID(int=first)
    return {
        id_: [
            Member(id_, number, UUID(int=first + number), "alice", "", "turn", [], None, None, NOON, [7])
            for number in range(turns)
        ]
    }


async def test_points_are_written_some_at_a_time() -> None:
    engine: Any = Recorder()

    written = await write_sessions(
        log_with({}), engine, {**session(100, 4), **session(200, 4)}, {}, points_at_once=3, memories_at_once=5
    )

    assert written == 8
    assert [len(batch) for batch in engine.batches] == [3, 3, 2]
    assert engine.space is None


async def test_near_a_change_only_its_neighbours_are_written_and_the_first() -> None:
    engine: Any = Recorder()

    await write_sessions(log_with({}), engine, session(100, 12), {UUID(int=100): {6}})

    [points] = engine.batches
    assert {point.id.int - 100 for point in points} == {0, 4, 5, 6, 7, 8}


async def test_the_first_vectors_make_room_for_themselves() -> None:
    engine: Any = Recorder()

    await write_sessions(log_with({UUID(int=101): pack((1.0, 0.0))}), engine, session(100, 2), {})

    assert engine.space == SPACE
    [points] = engine.batches
    assert points[1].dense is not None
