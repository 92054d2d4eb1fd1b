"""Configuration files on the disk: read, backed up beside themselves, and replaced in one step."""

from __future__ import annotations

import stat
from pathlib import Path

from app.clients.jsonc_reading import NotEditable
from app.durable import replace_file

BACKUP_SUFFIX = ".claude-memory-backup"


def read(file: Path) -> str | None:
    """Return what a file holds; None when there is none. Raises NotEditable for a folder, UnicodeError, OSError."""
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
    """Keep a copy beside the file, with the file's own mode; one that is there already is not written again."""
    there = backups(file)
    for backup in there:
        if read(backup) == text:
            return backup
    backup = _numbered(file, len(there))
    replace_file(backup, text.encode(), like=file.stat())
    return backup


def write(file: Path, old: str | None, new: str | None) -> None:
    """Replace a file in one step, or take it away. Raises NotEditable when it has changed since it was read."""
    if read(file) != old:
        raise NotEditable("it was changed by another program at this moment; run this again")
    if new is None:
        file.unlink()
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    replace_file(file, new.encode(), like=file.stat() if old is not None else None)
