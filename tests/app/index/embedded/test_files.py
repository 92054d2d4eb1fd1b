"""The files of segments: read back as they were written, refused when a byte is not."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.index.embedded.files import read_segment, write_segment
from app.index.embedded.lists import Damaged
from app.index.embedded.segment import build
from app.memory.vectors import pack
from tests.app.index.embedded.test_segment import content
from tests.support.points import point

POINTS = [
    point(1, window={7: 1.0, 9: 2.0}, name="Ann", tags=["x"], dense=pack((0.6, 0.8))),
    point(2, window={9: 0.5}, role="user", project="p"),
    point(3),
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A segment's file."""
    path = tmp_path / "one.1.segment"
    write_segment(path, build(POINTS, "m"))
    return path


def test_a_segment_comes_back_as_it_was_written(path: Path) -> None:
    assert content(read_segment(path)) == content(build(POINTS, "m"))
    assert read_segment(path).model == "m"


def test_an_empty_segment_has_a_file_too(tmp_path: Path) -> None:
    write_segment(tmp_path / "empty.1.segment", build([]))

    assert read_segment(tmp_path / "empty.1.segment").size == 0


def test_what_is_read_cannot_be_written_to(path: Path) -> None:
    with pytest.raises(ValueError, match="read-only"):
        read_segment(path).weights[0] = 1


@given(st.data())
def test_a_byte_that_is_not_as_it_was_written_shows(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("files") / "one.1.segment"
    write_segment(path, build(POINTS, "m"))
    raw = bytearray(path.read_bytes())
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(raw)

    with pytest.raises(Damaged):
        read_segment(path)


@pytest.mark.parametrize("length", [0, 3, 4, 16, 200, -1])
def test_a_file_that_is_cut_shows(path: Path, length: int) -> None:
    path.write_bytes(path.read_bytes()[:length])

    with pytest.raises(Damaged, match=r"one\.1\.segment"):
        read_segment(path)


def test_a_lost_file_shows(path: Path) -> None:
    path.unlink()

    with pytest.raises(Damaged, match="cannot be read"):
        read_segment(path)
