"""Reads configuration files, backs them up beside themselves, and replaces them in one step."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from app.clients.jsonc_reading import NotEditable
from app.durable import replace_file

BACKUP_SUFFIX = ".claude-memory-backup"
LIMIT_BYTES = 8 << 20  # Claude Code's own file has some MB; what is read becomes many times as much in memory
_MADE = ".claude-memory-made"  # in a folder that we made: how many folders, itself and those above it
_NOT_ALLOWED = (errno.EACCES, errno.EPERM, errno.EROFS)
_CANNOT_BE_RENAMED_OVER = (errno.EBUSY, errno.EXDEV)


def read(file: Path) -> str | None:
    """Return a file's text; None when there is no file.

    Raises NotEditable for what is no file or too long, UnicodeError, OSError.
    """
    try:
        mode = file.stat().st_mode
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(mode):
        raise NotEditable("it is a directory" if stat.S_ISDIR(mode) else "it is not a file")
    with file.open("rb") as opened:
        content = opened.read(LIMIT_BYTES + 1)
    if len(content) > LIMIT_BYTES:
        raise NotEditable(f"it is over {LIMIT_BYTES:,} bytes, which no client's configuration is")
    return content.decode("utf-8")


def backups(file: Path) -> list[Path]:
    """Return the backups of a file, oldest first."""
    found: list[Path] = []
    while (backup := _numbered(file, len(found))).exists():
        found.append(backup)
    return found


def _numbered(file: Path, number: int) -> Path:
    return file.with_name(f"{file.name}{BACKUP_SUFFIX}{f'-{number + 1}' if number else ''}")


def keep(file: Path, text: str) -> Path:
    """Keep a copy beside the file, with the file's mode; an equal copy that exists already is enough."""
    existing = backups(file)
    for backup in existing:
        if read(backup) == text:
            return backup
    backup = _numbered(file, len(existing))
    try:
        replace_file(backup, text.encode(), like=file.stat())
    except OSError as error:
        if error.errno not in _NOT_ALLOWED:
            raise
        raise NotEditable(
            f"its folder cannot be written to, so there is no place for a backup; make {file.parent} writable"
        ) from error
    return backup


def write(file: Path, old: str | None, new: str | None) -> None:
    """Replace a file in one step, or delete it. Raises NotEditable when it has changed since it was read.

    A file that is mounted alone cannot be renamed over: it is written in place. `keep` has its old content then.
    """
    if read(file) != old:
        raise NotEditable("it was changed by another program at this moment; run this again")
    if new is None:
        file.unlink()
        return
    if old is None:
        _make_folders(file.parent)
        replace_file(file, new.encode())
        return
    try:
        replace_file(file, new.encode(), like=file.stat())
    except OSError as error:
        if error.errno not in _CANNOT_BE_RENAMED_OVER:
            raise
        _write_in_place(file, new.encode())


def _write_in_place(file: Path, content: bytes) -> None:
    with file.open("r+b") as opened:
        opened.write(content)
        opened.truncate()
        opened.flush()
        os.fsync(opened.fileno())


def check_writable(file: Path) -> None:
    """Raise NotEditable for a file that is read-only: whoever made it so does not want it changed by a rename."""
    try:
        writable = file.stat().st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH) and os.access(file, os.W_OK)
    except FileNotFoundError:
        return
    if not writable:
        raise NotEditable(
            "it is read-only; make it writable (chmod u+w), or if another program makes it, such as Nix or chezmoi,"
            " add the server there: --dry-run shows what"
        )


def _make_folders(folder: Path) -> None:
    """Make a folder and those above it, and note in it how many were made."""
    made = [one for one in (folder, *folder.parents) if not one.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    if made:
        folder.joinpath(_MADE).write_text(f"{len(made)}\n", encoding="utf-8")


def remove_made_folders(folder: Path) -> None:
    """Remove the folders that `write` made above a file, as long as they are empty."""
    note = folder / _MADE
    try:
        count = int(note.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # it was there before, or the note is not ours
        return
    note.unlink()
    for one in [folder, *folder.parents][:count]:
        try:
            one.rmdir()
        except OSError:  # not empty, a link, or not ours to remove
            return
