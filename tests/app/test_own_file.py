"""Files of a folder into which others might write."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from app.alerts.journal import Journal
from app.alerts.outbox import Outbox, OutboxUnusable
from app.datadir import token_marker
from app.datadir.lock import DataDirectoryLock, DataDirectoryUnusable, holder
from app.index.embedded.state import hold
from app.own_file import open_own

WRITE = os.O_RDWR | os.O_CREAT | os.O_TRUNC


def of_another_user(found: os.stat_result) -> os.stat_result:
    """Return what a file's facts would be if someone else had made it."""
    return os.stat_result((*found[:4], 65_533, *found[5:]))


def test_a_file_of_ours_is_opened_and_emptied(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")

    os.close(open_own(tmp_path / "a", WRITE))
    os.close(open_own(tmp_path / "b", WRITE))

    assert (tmp_path / "a").read_text() == ""
    assert stat.S_IMODE((tmp_path / "b").stat().st_mode) == 0o600


@pytest.mark.parametrize("make", [lambda path: path.symlink_to("victim"), os.mkfifo, os.mkdir])
def test_a_link_a_pipe_and_a_folder_are_not_opened(tmp_path: Path, make: Callable[[Path], None]) -> None:
    (tmp_path / "victim").write_text("kept")
    make(tmp_path / "a")

    for flags in (os.O_RDONLY, WRITE):
        with pytest.raises(OSError, match="a"):
            open_own(tmp_path / "a", flags)

    assert (tmp_path / "victim").read_text() == "kept"


def test_a_file_that_another_user_left_is_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_text("kept")
    fstat = os.fstat
    monkeypatch.setattr("app.own_file.os.fstat", lambda file: of_another_user(fstat(file)))

    with pytest.raises(PermissionError, match="another user"):
        open_own(tmp_path / "a", WRITE)

    assert (tmp_path / "a").read_text() == "kept"


def _lock(folder: Path) -> None:
    assert holder(folder) is None
    DataDirectoryLock(folder).acquire("http://x")


def _marker(folder: Path) -> None:
    token_marker.note(str(folder), "")
    assert not token_marker.had_token(str(folder), "")
    raise PermissionError


@pytest.mark.parametrize(
    ("name", "use"),
    [
        pytest.param("lock", _lock, id="lock"),
        pytest.param("had-token", _marker, id="token marker"),
        pytest.param("alerts.jsonl", lambda folder: Journal(folder, 1_000, 2).append([{}]), id="journal"),
        pytest.param("outbox.sqlite3", Outbox, id="outbox"),
        pytest.param("lock", hold, id="index"),
    ],
)
@pytest.mark.parametrize("target", ["embedded\n", None])
def test_no_file_of_a_data_directory_is_a_link(
    tmp_path: Path, name: str, use: Callable[[Path], object], target: str | None
) -> None:
    victim, folder = tmp_path / "victim", tmp_path / "data"
    folder.mkdir()
    if target is not None:
        victim.write_text(target)
    (folder / name).symlink_to(victim)

    with pytest.raises((OSError, DataDirectoryUnusable, OutboxUnusable)):
        use(folder)

    assert (victim.read_text() if victim.exists() else None) == target
