"""Writing sessions: all points, some at a time, and room for vectors once there are any."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from app.index.engine import Point
from app.index.writer import slices, write_sessions
from app.memory.bm25 import NEIGHBOURS
from app.memory.change_log import Member, Space
from app.memory.vectors import pack
from app.memory.windows import Window
from tests.support.points import NOON

SPACE = Space("model", 2)


class Recorder:
    """An engine that keeps what it is given."""

    uses_numpy = True

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
            Member(id_, number, UUID(int=first + number), "alice", "", "turn", [], None, None, NOON, [7], False)
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


async def test_many_windows_are_made_together_only_for_an_engine_that_uses_numpy() -> None:
    many, few = session(100, 70), session(200, 3)
    made = []
    for members, uses_numpy in ((many, True), (many, False), (few, True)):
        engine: Any = Recorder()
        engine.uses_numpy = uses_numpy
        await write_sessions(log_with({}), engine, members, {})
        made.append([point for batch in engine.batches for point in batch])

    assert [isinstance(points[0].window, Window) for points in made] == [True, False, False]
    assert [dict(one.window) for one in made[0]] == [one.window for one in made[1]]


async def test_near_a_change_only_its_neighbours_are_written() -> None:
    engine: Any = Recorder()

    await write_sessions(log_with({}), engine, session(100, 12), {UUID(int=100): {6}})

    [points] = engine.batches
    assert {point.id.int - 100 for point in points} == set(range(6 - NEIGHBOURS, 7 + NEIGHBOURS))


async def test_the_first_vectors_make_room_for_themselves() -> None:
    engine: Any = Recorder()

    await write_sessions(log_with({UUID(int=101): pack((1.0, 0.0))}), engine, session(100, 2), {})

    assert engine.space == SPACE
    [points] = engine.batches
    assert points[1].dense is not None


def members_of(session: int, positions: Sequence[int]) -> list[Member]:
    return [
        Member(
            UUID(int=session),
            place,
            UUID(int=1_000 * session + place),
            "alice",
            "",
            "turn",
            [],
            None,
            None,
            NOON,
            [7],
            False,
        )
        for place in positions
    ]


def test_slices_have_all_changes_once_and_what_their_points_depend_on() -> None:
    reach = 2 * NEIGHBOURS
    long, short = members_of(1, range(100)), members_of(2, [0, 1])
    positions = {UUID(int=1): set(range(40, 60)), UUID(int=2): {1}, UUID(int=3): {5}}

    made = list(slices({UUID(int=1): long, UUID(int=2): short}, positions, 8, 10**6))

    assert [sorted(some.get(UUID(int=1), ())) for some, _ in made] == [
        list(range(40, 48)),
        list(range(48, 56)),
        list(range(56, 60)),
    ]
    assert made[2][0][UUID(int=2)] == {1}
    assert made[2][1][UUID(int=2)] == short
    first = made[0][1][UUID(int=1)]
    assert [first[0].position, first[-1].position] == [40 - reach, 47 + reach]


def test_a_slice_ends_with_the_long_text_that_makes_it_long() -> None:
    turns = [replace(one, terms=[7] * (50 if one.position in (2, 3) else 1)) for one in members_of(1, range(6))]

    made = slices({UUID(int=1): turns}, {UUID(int=1): set(range(6))}, 100, 50)

    assert [sorted(some[UUID(int=1)]) for some, _ in made] == [[0, 1, 2], [3], [4, 5]]


def test_a_change_without_any_member_near_it_needs_no_slice() -> None:
    assert list(slices({UUID(int=1): members_of(1, [90])}, {UUID(int=1): {3}}, 8, 10**6)) == []
