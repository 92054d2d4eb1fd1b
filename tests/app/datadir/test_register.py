"""The register of running servers: theirs alone who hold a lock, in a folder of the user's alone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from app.datadir import register
from app.datadir.lock import DataDirectoryLock


def a_server(folder: Path, mode: str = "serve") -> DataDirectoryLock:
    """Let this process be a server on a data directory."""
    lock = DataDirectoryLock(folder)
    lock.acquire("http://127.0.0.1:1", mode)
    register.enter(str(folder))
    return lock


def test_servers_are_found_until_they_leave(tmp_path: Path) -> None:
    locks = [a_server(tmp_path / mode, mode) for mode in ("serve", "daemon")]

    found = register.running()
    assert {Path(data_dir).name: held_by["mode"] for data_dir, held_by in found.items()} == {
        "serve": "serve",
        "daemon": "daemon",
    }
    assert found[str(tmp_path / "serve")]["pid"] == os.getpid()
    for lock in locks:
        register.leave(str(lock.directory))
        register.leave(str(lock.directory))
        lock.release()
    assert register.running() == {}


@pytest.mark.parametrize("then", ["nobody", "an import", "no folder"])
def test_what_a_killed_server_left_is_removed_whoever_has_the_folder_now(tmp_path: Path, then: str) -> None:
    lock = a_server(tmp_path / "data")
    lock.release()
    if then == "an import":
        lock.acquire("", "import")
    elif then == "no folder":
        (tmp_path / "data").rename(tmp_path / "elsewhere")

    assert register.running() == {}
    assert list(Path(os.environ["XDG_RUNTIME_DIR"], "claude-memory").iterdir()) == []
    lock.release()


def test_a_folder_that_others_may_write_is_not_believed(tmp_path: Path) -> None:
    folder = Path(os.environ["XDG_RUNTIME_DIR"], "claude-memory")
    folder.mkdir()
    folder.chmod(0o777)
    lock = a_server(tmp_path / "data")

    assert register.running() == {}
    assert list(folder.iterdir()) == [], "nothing is written there either"
    folder.chmod(0o700)
    register.enter(str(tmp_path / "data"))
    assert list(register.running()) == [str(tmp_path / "data")]
    lock.release()


def test_without_a_register_nothing_runs_and_nothing_fails(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(register, "_folder", lambda: str(tmp_path / "no" / "such" / "folder"))

    register.enter(str(tmp_path))
    register.leave(str(tmp_path))

    assert register.running() == {}


def test_without_a_runtime_folder_it_is_in_tmp(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/no/such/folder")
    monkeypatch.setattr("os.path.isdir", lambda path: False)

    assert register._folder() == f"/tmp/claude-memory-{os.getuid()}"
