"""The points of a session: which ones a change touches, and what they hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from app.index import points as module
from app.index.engine import Point
from app.index.points import made_windows, session_points, vectors_needed
from app.memory.bm25 import NEIGHBOURS
from app.memory.change_log import Member
from app.memory.vectors import mixed
from tests.support.bm25 import window_vectors
from tests.support.vectors import kept

NOON = datetime(2026, 5, 8, 12, tzinfo=UTC)
SESSION = UUID(int=100)


def member(position: int, *terms: int, **more: Any) -> Member:
    values = {
        "session": SESSION,
        "position": position,
        "id": UUID(int=100 + position),
        "user": "alice",
        "project": "p",
        "kind": "turn",
        "tags": [],
        "role": "user",
        "conversation": "talk",
        "at": NOON,
        "terms": sorted(terms),
        "asks": False,
        **more,
    }
    return Member(**values)


def by_position(points: Iterable[Point]) -> dict[int, Point]:
    return {point.id.int - 100: point for point in points}


def test_all_points_are_made_when_nothing_is_said_about_what_changed() -> None:
    members = [member(0, 1), member(1, 2), member(2, 3)]

    points = by_position(session_points(members, None))

    turns = [Counter([1]), Counter([2]), Counter([3])]
    assert {at: point.window for at, point in points.items()} == dict(enumerate(window_vectors(turns)))


def test_a_change_touches_the_turns_near_it() -> None:
    members = [member(position, position + 1) for position in range(20)]

    touched = set(by_position(session_points(members, {6})))

    assert touched == set(range(6 - NEIGHBOURS, 6 + NEIGHBOURS + 1))


def test_a_question_counts_for_the_turn_after_it() -> None:
    members = [member(0, 1, asks=True), member(1, 2)]

    assert [point.window for point in session_points(members, None)] == window_vectors(
        [Counter([1]), Counter([2])], [True, False]
    )


def test_a_deleted_turn_keeps_its_place_so_distances_stay() -> None:
    members = [member(0, 1), member(2, 3)]

    points = by_position(session_points(members, {1}))

    assert points[2].window == window_vectors([Counter([1]), None, Counter([3])])[2]


def test_distance_is_measured_between_positions_not_from_the_conversations_beginning() -> None:
    far = [member(500, 1), member(501, 2)]
    near = [member(0, 1), member(1, 2)]

    windows_far = [point.window for point in session_points(far, None) if point.window]
    windows_near = [point.window for point in session_points(near, None) if point.window]
    assert windows_far == windows_near


@pytest.mark.parametrize("changed", [None, {0}])
def test_a_note_alone_is_one_point(changed: set[int] | None) -> None:
    [point] = session_points([member(0, 1, 2, conversation=None, role=None, tags=["x"])], changed)

    assert point.id == SESSION
    assert [point.window] == window_vectors([Counter([1, 2])])
    payload = point.payload
    assert (payload.user, payload.project, payload.kind) == ("alice", "p", "turn")
    assert (payload.tags, payload.role, payload.conversation, payload.at) == (["x"], None, None, NOON)


def test_a_memory_without_any_term_has_a_point_that_no_word_finds() -> None:
    [point] = session_points([member(0)], None)

    assert not point.window


@pytest.mark.parametrize("at_once", [1, 7, 10_000])
@pytest.mark.parametrize("changed", [None, {6}])
def test_windows_made_together_give_the_same_points(
    at_once: int, changed: set[int] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_TERMS_AT_ONCE", at_once)
    places = [*range(12), 14, 15, 40]
    sessions = [
        [
            member(place, *range(1, 2 + place % 3), place + 50, session=UUID(int=number), asks=place % 4 == 1)
            for place in places[number:]
        ]
        for number in range(4)
    ]

    for members, windows in zip(sessions, made_windows(sessions), strict=True):
        made, one_by_one = session_points(members, changed, None, windows), session_points(members, changed)
        assert [(one.id, dict(one.window), one.own) for one in made] == [
            (one.id, one.window, one.own) for one in one_by_one
        ]


SOME = [member(position, position + 1) for position in (0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11)]
VECTORS = {one.id: kept(str(one.position)) for one in SOME if one.position != 6}
BY_PLACE = [VECTORS.get(UUID(int=100 + place)) for place in range(12)]


class TestVectors:
    @pytest.mark.parametrize("changed", [None, {0}, {5}, {11}, {2, 9}])
    def test_each_point_has_its_vector_mixed_with_its_neighbours(self, changed: set[int] | None) -> None:
        needed = vectors_needed(SOME, changed)
        given = {id_: VECTORS[id_] for id_ in needed if id_ in VECTORS}

        points = by_position(session_points(SOME, changed, given))

        assert points
        assert {at: point.dense for at, point in points.items()} == {at: mixed(BY_PLACE, at) for at in points}

    def test_one_change_needs_the_vectors_near_it(self) -> None:
        members = [member(position, 1) for position in range(40)]

        needed = {id_.int - 100 for id_ in vectors_needed(members, {20})}

        assert needed == set(range(20 - 2 * NEIGHBOURS, 21 + 2 * NEIGHBOURS))
