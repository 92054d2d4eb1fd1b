"""One server a data directory."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.datadir import lock as lock_module
from app.datadir.lock import DataDirectoryLock, DataDirectoryUnusable, holder
from app.errors import Conflict
from tests.support.serving import clean_environment


def test_the_second_one_is_told_who_holds_the_directory_and_what_to_do(tmp_path: Path) -> None:
    first = DataDirectoryLock(tmp_path / "data")
    first.acquire("http://127.0.0.1:1234")
    try:
        with pytest.raises(Conflict, match=r"in use .*pid \d+,.*http://127\.0\.0\.1:1234.*--data-dir"):
            DataDirectoryLock(tmp_path / "data").acquire("http://127.0.0.1:5678")
    finally:
        first.release()


def test_a_released_lock_can_be_taken_again(tmp_path: Path) -> None:
    for _ in range(2):
        lock = DataDirectoryLock(tmp_path)
        lock.acquire("http://x")
        held_by = holder(tmp_path)
        assert held_by is not None
        assert set(held_by) >= {"pid", "url", "version", "started_at"}
        lock.release()
        lock.release()
        assert holder(tmp_path) is None


def test_a_killed_holder_leaves_no_lock(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from app.datadir.lock import DataDirectoryLock;"
        "DataDirectoryLock(Path(sys.argv[1])).acquire('http://x'); print('held', flush=True); time.sleep(60)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, env=clean_environment()
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        held_by = holder(tmp_path)
        assert held_by is not None
        assert held_by["pid"] == process.pid
    finally:
        process.kill()
        process.communicate()

    assert holder(tmp_path) is None
    lock = DataDirectoryLock(tmp_path)
    lock.acquire("http://y")
    lock.release()


def test_somebody_who_only_looks_is_not_taken_for_a_dead_holder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / lock_module.FILE_NAME).write_text('{"pid": 1, "mode": "serve", "url": "http://dead"}\n')
    tries = iter([False, False, False, True])
    monkeypatch.setattr(lock_module, "_try_lock", lambda _file: next(tries))

    lock = DataDirectoryLock(tmp_path)
    lock.acquire("http://x")
    lock.release()


def test_nobody_holds_a_directory_that_is_not_there(tmp_path: Path) -> None:
    assert holder(tmp_path / "nowhere") is None
    assert not (tmp_path / "nowhere").exists()


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")

    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(DataDirectoryUnusable, match=r"file.*: .*--data-dir"):
            DataDirectoryLock(path).acquire("http://x")


def test_on_a_full_disk_the_lock_holds_without_its_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    lock = DataDirectoryLock(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        lock.acquire("http://x")
        assert holder(tmp_path) == {}
        lock.release()

    assert holder(tmp_path) is None


def test_a_released_lock_keeps_its_block_for_the_next_line(tmp_path: Path) -> None:
    lock = DataDirectoryLock(tmp_path)
    lock.acquire("http://x")
    lock.release()

    assert (tmp_path / "lock").stat().st_blocks > 0
