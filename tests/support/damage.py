"""Damages files as a failing disk does."""

from __future__ import annotations

from pathlib import Path


def spoil(folder: Path, pattern: str, damage: str) -> None:
    """Damage the one file that fits the pattern: remove, truncate, or overwrite it with garbage."""
    [file] = folder.glob(pattern)
    if damage == "remove":
        file.unlink()
    elif damage == "truncate":
        with file.open("r+b") as opened:
            opened.truncate(file.stat().st_size // 2)
    else:
        with file.open("r+b") as opened:
            opened.write(b"\xa5" * min(file.stat().st_size, 1 << 20))
