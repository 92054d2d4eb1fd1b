"""A user's parts: after any changes, they hold what was written last, and few parts do."""

from __future__ import annotations

from uuid import UUID

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.index.embedded import partition
from app.index.embedded.partition import Part, Parts, changed, replaced, to_save
from app.index.embedded.segment import build, merged, nothing_dead
from tests.support.points import point

NUMBERS = st.integers(1, 12)
CHANGES = st.lists(st.tuples(st.lists(st.tuples(NUMBERS, st.integers(1, 5)), max_size=4), st.sets(NUMBERS, max_size=3)))


def weights(parts: Parts) -> dict[int, float]:
    """Return the weight of term 7 of all points that are there, by number; fails if one is there twice."""
    found: dict[int, float] = {}
    for part in parts:
        rows, stored = part.segment.of_term(7)
        for row, weight in zip(rows.tolist(), stored.tolist(), strict=True):
            if part.alive[row]:
                number = part.segment.id(row).int
                assert number not in found
                found[number] = weight / 512
    return found


def part_of(postings: int, *, file: str | None = None, first: int = 1, dead: int = 0) -> Part:
    segment = build([point(first + number, window={7: 1.0}) for number in range(postings)])
    alive = nothing_dead(segment)
    alive[:dead] = False
    return Part(segment, alive, file)


@given(CHANGES)
def test_a_point_is_there_once_as_it_was_written_last(
    changes: list[tuple[list[tuple[int, int]], set[int]]],
) -> None:
    parts: Parts = ()
    wanted: dict[int, float] = {}
    for written, deleted in changes:
        points = [point(number, window={7: float(weight)}) for number, weight in written]
        parts = changed(parts, points, [UUID(int=number) for number in deleted])
        for number in deleted:
            wanted.pop(number, None)
        wanted |= {number: float(weight) for number, weight in written}

        assert weights(parts) == wanted


def test_what_a_search_began_with_stays_as_it_is() -> None:
    before = changed((), [point(1, window={7: 1.0})], [])

    changed(before, [point(1, window={7: 2.0})], [])

    assert weights(before) == {1: 1.0}


def test_there_are_few_parts_however_many_changes_there_were() -> None:
    parts: Parts = ()
    for number in range(1, 400):
        parts = changed(parts, [point(number, window={7: 1.0})], [])

    assert len(parts) < 12
    assert len(weights(parts)) == 399


def test_parts_that_are_being_saved_stay_apart() -> None:
    parts = changed((), [point(1, window={7: 1.0})], [])

    later = changed(parts, [point(2, window={7: 1.0})], [], saving=1)

    assert later[0].segment is parts[0].segment
    assert len(later) == 2


class TestToSave:
    def test_parts_without_a_file_become_one(self) -> None:
        assert to_save((part_of(50, file="a"), part_of(3), part_of(2))) == 2

    def test_with_saved_ones_that_are_not_much_larger(self) -> None:
        assert to_save((part_of(50, file="a"), part_of(10, file="b"), part_of(6))) == 2

    def test_a_part_counts_by_what_is_still_there(self) -> None:
        assert to_save((part_of(50, file="a", dead=40), part_of(6))) == 2

    def test_nothing_is_merged_that_is_saved_already(self) -> None:
        assert to_save((part_of(50, file="a"), part_of(10, file="b"))) == 0

    def test_no_segment_gets_larger_than_the_largest(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(partition, "LARGEST_POSTINGS", 12)

        assert to_save((part_of(10, file="a"), part_of(6))) == 1


def test_what_died_while_it_was_saved_is_dead_in_what_was_saved() -> None:
    before = (part_of(3), part_of(3, first=11))
    now = changed(before, [point(2, window={7: 2.0}), point(20, window={7: 3.0})], [UUID(int=11)], saving=2)
    whole = merged([(part.segment, part.alive) for part in before])

    after = replaced(now, before, (Part(whole, nothing_dead(whole), "a"),))

    assert weights(after) == {1: 1.0, 2: 2.0, 3: 1.0, 12: 1.0, 13: 1.0, 20: 3.0} == weights(now)
    assert [part.file for part in after] == ["a", None]
    assert np.count_nonzero(after[0].alive) == 4
