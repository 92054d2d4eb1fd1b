"""Saving a user's parts: loaded again they hold the same, in few files."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import pytest

from app.index.embedded.lists import Damaged
from app.index.embedded.partition import Parts, changed
from app.index.embedded.saving import load, save
from tests.app.index.embedded.test_partition import weights
from tests.support.points import point


@pytest.fixture
def stem(tmp_path: Path) -> Path:
    """The stem of the files of ann."""
    return tmp_path / "users" / "an" / "ann"


def files(stem: Path) -> list[str]:
    return sorted(path.name for path in stem.parent.iterdir())


def test_nobody_has_no_parts(stem: Path) -> None:
    assert load(stem, "ann") == ()


def test_what_was_saved_is_loaded_again(stem: Path) -> None:
    parts = changed((), [point(1, window={7: 1.0}), point(2, window={7: 2.0})], [])

    saved = save(stem, "ann", parts)

    assert weights(saved) == weights(load(stem, "ann")) == {1: 1.0, 2: 2.0}
    assert files(stem) == ["ann.1.segment", "ann.list"]


def test_deletions_alone_are_saved_too(stem: Path) -> None:
    saved = save(stem, "ann", changed((), [point(1, window={7: 1.0}), point(2, window={7: 2.0})], []))

    save(stem, "ann", changed(saved, [], [UUID(int=1)]))

    assert weights(load(stem, "ann")) == {2: 2.0}


def test_a_user_without_a_memory_has_a_list_and_no_segment(stem: Path) -> None:
    saved = save(stem, "ann", changed((), [point(1, window={7: 1.0})], []))

    save(stem, "ann", changed(saved, [], [UUID(int=1)]))

    assert load(stem, "ann") == ()
    assert files(stem) == ["ann.list"]


def test_many_savings_leave_few_files_and_none_that_is_not_in_use(stem: Path) -> None:
    parts: Parts = ()
    for number in range(1, 60):
        parts = save(stem, "ann", changed(parts, [point(number, window={7: float(number)})], []))

    assert weights(load(stem, "ann")) == {number: float(number) for number in range(1, 60)}
    assert len(files(stem)) == 1 + len(parts) < 10


def test_the_list_of_another_user_is_no_ones(stem: Path) -> None:
    save(stem, "ben", changed((), [point(1)], []))

    with pytest.raises(Damaged, match="another user"):
        load(stem, "ann")
