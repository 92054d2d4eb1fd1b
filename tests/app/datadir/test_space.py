"""Space on a disk: what is said when it is short, and blocks that are taken before they are written."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from app.datadir import space
from tests.support.disks import small_disk
from tests.support.users import as_root


def test_a_disk_with_too_little_space_is_told_in_figures_without_its_path(tmp_path: Path) -> None:
    told = space.shortage(tmp_path, 1 << 60)

    assert told is not None
    assert "are needed; free some space" in told
    assert str(tmp_path) not in told
    assert space.shortage(tmp_path, 0) is None


@pytest.mark.parametrize(
    ("number", "says"), [(errno.ENOSPC, "no space"), (errno.EDQUOT, "quota"), (errno.EROFS, "read-only")]
)
def test_each_kind_of_full_has_words(number: int, says: str) -> None:
    assert says in (space.words_for(OSError(number, "")) or "")
    assert space.words_for(OSError(errno.EIO, "")) is None


@as_root
def test_a_full_disk_refuses_allocations(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "1m") as disk, (disk / "file").open("wb") as file:
        with pytest.raises(OSError, match="No space"):
            space.allocate(file.fileno(), 2 << 20)
        space.allocate(file.fileno(), 1 << 19)
        assert (disk / "file").stat().st_blocks * 512 >= 1 << 19


@as_root
def test_a_disk_without_room_for_files_is_short(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "1m,nr_inodes=20") as disk:
        for number in range(10):
            (disk / str(number)).touch()
        assert "more files only" in (space.shortage(disk, 0) or "")
