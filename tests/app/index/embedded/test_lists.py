"""The list of a user's segments: read back as it was written, refused when anything about it is strange."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.index.embedded.lists import (
    Damaged,
    Listed,
    count_points,
    lists,
    new_name,
    read_list,
    remove_unlisted,
    user_of,
    write_list,
)

LISTED = [Listed("one.1.segment", 9, b"\xff\x80"), Listed("one.12.segment", 3, b"\x40")]


@pytest.fixture
def stem(tmp_path: Path) -> Path:
    """The stem of a user's files, with a list."""
    (tmp_path / "on").mkdir()
    stem = tmp_path / "on" / "one"
    write_list(stem, "ann", 7, LISTED)
    return stem


def test_a_list_comes_back_as_it_was_written(stem: Path) -> None:
    assert read_list(stem, "ann") == LISTED
    [path] = lists(stem.parent.parent)
    assert (user_of(path), count_points(path)) == ("ann", 7)


def test_without_a_list_there_are_no_segments(tmp_path: Path) -> None:
    assert read_list(tmp_path / "nobody", "ann") == []
    assert lists(tmp_path / "nowhere") == []


def test_a_list_of_somebody_else_is_refused(stem: Path) -> None:
    with pytest.raises(Damaged, match=r"one\.list is another user's"):
        read_list(stem, "ben")


@pytest.mark.parametrize("content", [b"", b"{}", b"\n", b"null\n00000000", b"\xff" * 90])
def test_a_list_that_is_damaged_is_refused(stem: Path, content: bytes) -> None:
    stem.with_name("one.list").write_bytes(content)

    with pytest.raises(Damaged):
        read_list(stem, "ann")


def test_a_new_segment_gets_a_name_that_no_other_has(stem: Path) -> None:
    assert new_name(stem, []) == "one.1.segment"
    assert new_name(stem, [one.file for one in LISTED]) == "one.13.segment"


def test_only_segments_of_the_user_that_are_not_listed_are_deleted(stem: Path) -> None:
    for name in ("one.1.segment", "one.2.segment", "one.12.segment", "oneself.2.segment", "one.txt"):
        stem.with_name(name).touch()

    remove_unlisted(stem, LISTED)

    assert sorted(path.name for path in stem.parent.iterdir()) == [
        "one.1.segment",
        "one.12.segment",
        "one.list",
        "one.txt",
        "oneself.2.segment",
    ]
