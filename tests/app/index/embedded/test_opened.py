"""Small changes of an open index: noted, the last of a memory counts."""

from __future__ import annotations

from uuid import UUID

import pytest

from app.index.embedded import opened
from app.index.embedded.opened import OpenIndex, is_small
from app.index.embedded.partition import changed
from tests.support.points import point


def test_a_point_counts_though_its_memory_is_deleted_by_the_same_change() -> None:
    index = OpenIndex(())

    index.note([point(1, window={7: 1.0}), point(2)], [UUID(int=1)])
    index.note([point(1, window={7: 2.0})], [UUID(int=2)])

    assert {id_.int: dict(one.window) for id_, one in index.written.items()} == {1: {7: 2.0}}
    assert {id_.int for id_ in index.deleted} == {1, 2}
    assert index.dirty


def test_postings_without_a_file_are_unsaved() -> None:
    parts = changed((), [point(1, window={7: 1.0, 8: 1.0})], [])

    assert OpenIndex(parts).unsaved == 2
    assert OpenIndex((parts[0]._replace(file="a"),)).unsaved == 0


def test_a_change_is_small_with_few_points_deletions_and_postings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opened, "_POINTS_INLINE", 2)
    monkeypatch.setattr(opened, "_POSTINGS_INLINE", 3)
    one = point(1, window={7: 1.0, 8: 1.0})

    assert is_small([one], [UUID(int=2)])
    assert not is_small([one], [UUID(int=2), UUID(int=3)])
    assert not is_small([one, one], [])
