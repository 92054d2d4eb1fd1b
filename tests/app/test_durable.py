"""Files that are replaced: whichever step fails, the old one is there, and nothing beside it for long."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app import durable
from app.durable import ABANDONED_S, Draft, remove_abandoned, replace_file, replacing, sync
from tests.support.disks import small_disk

ROOT = Path(__file__).parents[2]
FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file that is there already."""
    path = tmp_path / "file"
    path.write_bytes(b"old")
    return path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def refuse(error: OSError) -> Callable[..., Any]:
    def refused(*_args: object, **_more: object) -> Any:
        raise error

    return refused


def test_the_new_file_takes_the_place_of_the_old_one(file: Path) -> None:
    replace_file(file, b"new")

    assert (file.read_bytes(), names(file.parent)) == (b"new", ["file"])


def test_a_reader_of_the_old_file_keeps_it_whole(file: Path) -> None:
    with file.open("rb") as reader:
        replace_file(file, b"new")

        assert reader.read() == b"old"


def test_until_the_end_of_the_block_the_old_file_is_there(file: Path) -> None:
    with replacing(file) as draft:
        draft.write(b"new")
        draft.flush()

        assert file.read_bytes() == b"old"


def test_content_is_on_the_disk_before_the_name_and_the_name_before_the_return(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def synced(descriptor: int) -> None:
        is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        steps.append("folder" if is_folder else f"content {os.fstat(descriptor).st_size}")
        fsync(descriptor)

    def renamed(draft: Path, path: Path) -> Path:
        steps.append("name")
        return replace(draft, path)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", renamed)
    replace_file(file, b"12345")

    assert steps == ["content 5", "name", "folder"]


# Whatever fails


@pytest.mark.parametrize(
    ("owner", "step"),
    [
        pytest.param(durable, "_open_private", id="making the draft"),
        pytest.param(durable, "_copy_owner_and_mode", id="its owner and mode"),
        pytest.param(os, "fsync", id="putting it on the disk"),
        pytest.param(Path, "replace", id="the rename"),
    ],
)
def test_a_step_that_fails_leaves_the_old_file_and_nothing_else(
    file: Path, owner: object, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owner, step, refuse(FULL))

    with pytest.raises(OSError, match="No space left"):
        replace_file(file, b"new", like=file.stat())

    assert (file.read_bytes(), names(file.parent)) == (b"old", ["file"])


def test_a_folder_that_cannot_be_put_on_the_disk_is_an_error(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(durable, "sync", refuse(OSError(errno.EIO, "Input/output error")))

    with pytest.raises(OSError, match="Input/output"):
        replace_file(file, b"new")

    assert (file.read_bytes(), names(file.parent)) == (b"new", ["file"])


@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts a file system")
@pytest.mark.parametrize("length", [10_000, 10_000_000], ids=["in the buffer", "past the buffer"])
def test_a_full_disk_leaves_the_old_file(tmp_path: Path, length: int) -> None:
    with small_disk(tmp_path / "disk", "64k") as disk:
        replace_file(disk / "file", b"old")
        (disk / "filling").write_bytes(bytes(56 * 1024))

        with pytest.raises(OSError, match="No space left"):
            replace_file(disk / "file", bytes(length))

        assert ((disk / "file").read_bytes(), names(disk)) == (b"old", ["file", "filling"])


def test_an_error_in_the_block_leaves_the_old_file(file: Path) -> None:
    with pytest.raises(KeyboardInterrupt), replacing(file) as draft:
        draft.write(b"half")
        raise KeyboardInterrupt

    assert (file.read_bytes(), names(file.parent)) == (b"old", ["file"])


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        replace_file(tmp_path / "no" / "file", b"new")


def test_a_folder_in_the_place_of_the_file_is_told_and_stays(tmp_path: Path) -> None:
    (tmp_path / "file").mkdir()

    with pytest.raises(IsADirectoryError):
        replace_file(tmp_path / "file", b"new")

    assert names(tmp_path) == ["file"]


def test_a_draft_that_was_discarded_cannot_be_committed(file: Path) -> None:
    draft = Draft(file)
    draft.file.write(b"new")
    draft.discard()
    draft.discard()

    with pytest.raises(ValueError, match="closed"):
        draft.commit()
    assert (file.read_bytes(), names(file.parent)) == (b"old", ["file"])


def test_discarding_after_the_commit_changes_nothing(file: Path) -> None:
    draft = Draft(file)
    draft.file.write(b"new")
    draft.commit()
    draft.discard()

    assert (file.read_bytes(), names(file.parent)) == (b"new", ["file"])


# After a crash


def test_a_process_killed_in_the_middle_leaves_the_old_file_and_the_next_write_tidies_up(file: Path) -> None:
    program = (
        "import os, sys; from pathlib import Path; from app.durable import replacing\n"
        "with replacing(Path(sys.argv[1])) as draft:\n    draft.write(b'half'); draft.flush(); os.kill(os.getpid(), 9)"
    )
    killed = subprocess.run([sys.executable, "-c", program, file], cwd=ROOT, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert file.read_bytes() == b"old"
    [left] = [path for path in file.parent.iterdir() if path != file]

    replace_file(file, b"newer")
    assert left.exists(), "it could be another process's, which goes on writing"

    replace_file(file, b"newest", alone=True)
    assert (file.read_bytes(), names(file.parent)) == (b"newest", ["file"])


def test_an_old_draft_goes_with_the_next_write_and_a_fresh_one_or_another_files_stays(file: Path) -> None:
    mine, fresh, other = (file.parent / f".{name}.unfinished" for name in ("file.1", "file.2", "file.more.3"))
    for path, age_s in ((mine, ABANDONED_S + 1), (fresh, 0.0), (other, ABANDONED_S + 1)):
        path.touch()
        os.utime(path, (time.time() - age_s,) * 2)

    replace_file(file, b"new")

    assert names(file.parent) == sorted([fresh.name, other.name, "file"])


def test_all_old_drafts_of_a_folder_can_be_removed_and_nothing_else_is(tmp_path: Path) -> None:
    for name in (".a.1.unfinished", ".b.2.unfinished", "c.unfinished", ".d"):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (0, 0))

    remove_abandoned(tmp_path)

    assert names(tmp_path) == [".d", "c.unfinished"]


# Who may read it


def test_a_new_file_is_for_its_owner_only(tmp_path: Path) -> None:
    replace_file(tmp_path / "file", b"new")

    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o600


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644, 0o400])
def test_a_file_keeps_the_mode_of_the_one_it_is_to_be_like(file: Path, mode: int) -> None:
    file.chmod(mode)

    replace_file(file, b"new", like=file.stat())

    assert stat.S_IMODE(file.stat().st_mode) == mode


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_root_gives_the_file_to_the_owner_of_the_old_one(file: Path) -> None:
    os.chown(file, 12_345, 54_321)

    replace_file(file, b"new", like=file.stat())

    assert (file.stat().st_uid, file.stat().st_gid) == (12_345, 54_321)


def test_an_owner_that_cannot_be_given_the_file_is_no_error(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fchown", refuse(PermissionError(errno.EPERM, "Operation not permitted")))

    replace_file(file, b"new", like=file.stat())

    assert file.read_bytes() == b"new"


def test_a_draft_never_follows_a_link(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "urandom", lambda length: bytes(length))
    (file.parent / f".file.{'0' * 8}.unfinished").symlink_to(file.parent / "elsewhere")

    with pytest.raises(FileExistsError):
        replace_file(file, b"new")

    assert not (file.parent / "elsewhere").exists()


# Syncing


@pytest.mark.parametrize("error", [errno.EINVAL, errno.EIO], ids=["not a thing it does", "broken disk"])
def test_a_file_system_that_cannot_sync_a_folder_is_no_error_and_a_broken_disk_is_one(
    tmp_path: Path, error: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", refuse(OSError(error, os.strerror(error))))

    if error == errno.EINVAL:
        sync(tmp_path)
    else:
        with pytest.raises(OSError, match="Input/output"):
            sync(tmp_path)


def test_a_folder_that_may_be_written_but_not_read_takes_files(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.open

    def guarded(path: Any, flags: int, mode: int = 0o777) -> int:
        if path == file.parent:
            raise PermissionError(errno.EACCES, "Permission denied")
        return real(path, flags, mode)

    monkeypatch.setattr(os, "open", guarded)
    monkeypatch.setattr(os, "scandir", refuse(PermissionError(errno.EACCES, "Permission denied")))
    replace_file(file, b"new")

    assert file.read_bytes() == b"new"


def test_it_loads_next_to_nothing_of_the_standard_library() -> None:
    program = (
        "import __future__, sys, contextlib, pathlib, typing; before = {*sys.modules}; import app.durable;"
        "print(*sorted(sys.modules.keys() - before))"
    )
    loaded = subprocess.run(
        [sys.executable, "-S", "-c", program], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout

    assert loaded.split() == ["app", "app.durable"], "the start of the database pays for the rest"
