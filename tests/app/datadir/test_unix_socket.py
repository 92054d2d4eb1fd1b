"""The Unix socket of a data directory: for this user alone."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest

from app.datadir.folder import socket_path
from app.datadir.unix_socket import SocketUnusable, listen
from tests.support.users import NOBODY, as_root


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    return folder


def test_the_socket_is_born_for_this_user_alone(data_dir: Path) -> None:
    before = os.umask(0)
    try:
        with listen(socket_path(data_dir)):
            assert stat.S_IMODE(Path(socket_path(data_dir)).stat().st_mode) == 0o600
        assert os.umask(0) == 0, "the umask is put back"
    finally:
        os.umask(before)


def test_a_socket_that_a_killed_holder_left_is_replaced(data_dir: Path) -> None:
    listen(socket_path(data_dir)).close()
    assert Path(socket_path(data_dir)).exists()

    with listen(socket_path(data_dir)), socket.socket(socket.AF_UNIX) as client:
        client.connect(socket_path(data_dir))


def test_a_data_directory_behind_a_link_is_fine(tmp_path: Path, data_dir: Path) -> None:
    (tmp_path / "link").symlink_to(data_dir)

    listen(socket_path(tmp_path / "link")).close()


def test_a_path_too_long_has_it_in_a_private_folder(tmp_path: Path) -> None:
    path = Path(socket_path(tmp_path / ("long" * 30)))
    try:
        with listen(str(path)):
            assert len(str(path)) < 100
            assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    finally:
        path.unlink()
        path.parent.rmdir()


@pytest.mark.parametrize("mode", [0o777, 0o750])
def test_a_folder_in_tmp_that_others_may_enter_is_refused(tmp_path: Path, mode: int) -> None:
    path = socket_path(tmp_path / ("long" * 31))
    folder = Path(path).parent
    folder.mkdir()
    folder.chmod(mode)
    try:
        with pytest.raises(SocketUnusable, match="another user created"):
            listen(path)
    finally:
        folder.rmdir()


@as_root
def test_a_folder_in_tmp_of_another_user_is_refused(tmp_path: Path) -> None:
    path = socket_path(tmp_path / ("long" * 32))
    folder = Path(path).parent
    folder.mkdir(0o700)
    os.chown(folder, NOBODY, NOBODY)
    try:
        with pytest.raises(SocketUnusable, match="another user created"):
            listen(path)
    finally:
        folder.rmdir()


def test_a_directory_that_is_not_there_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(SocketUnusable, match="choose another --data-dir"):
        listen(str(tmp_path / "none" / "socket"))
