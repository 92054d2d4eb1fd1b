"""Reads configuration files, backs them up beside themselves, and replaces them in one step."""

from __future__ import annotations

import stat
from collections.abc import Container
from pathlib import Path

from app.clients.jsonc_reading import NotEditable
from app.durable import replace_file

BACKUP_SUFFIX = ".claude-memory-backup"


def read(file: Path) -> str | None:
    """Return a file's text; None when there is no file. Raises NotEditable for a folder, UnicodeError, OSError."""
    try:
        mode = file.stat().st_mode
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(mode):
        raise NotEditable("it is a directory" if stat.S_ISDIR(mode) else "it is not a file")
    return file.read_bytes().decode("utf-8")


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
    replace_file(backup, text.encode(), like=file.stat())
    return backup


def write(file: Path, old: str | None, new: str | None) -> None:
    """Replace a file in one step, or delete it. Raises NotEditable when it has changed since it was read."""
    if read(file) != old:
        raise NotEditable("it was changed by another program at this moment; run this again")
    if new is None:
        file.unlink()
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    replace_file(file, new.encode(), like=file.stat() if old is not None else None)


def remove_empty_folders(folder: Path, shared: Container[Path]) -> None:
    """Remove a folder and those above it as long as they are empty, up to one that is shared with other programs.

    A folder below none of them stays: the user chose it.
    """
    if not any(one in shared for one in folder.parents):
        return
    for one in (folder, *folder.parents):
        if one in shared:
            return
        try:
            one.rmdir()
        except OSError:  # not empty, a link, or not ours to remove
            return
