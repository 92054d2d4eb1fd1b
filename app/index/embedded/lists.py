"""The list of the segments that a user's index has, and which of their rows are still there.

The files of a user are beside each other in one folder; their names begin with the same stem. The list is replaced
whole, after the segments it names were written; so a process killed at any byte leaves the last state. Imports no
numpy: a start counts the points by the lists.
"""

from __future__ import annotations

import base64
import json
import os
import zlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.durable import replace_file

_LIST, _SEGMENT = ".list", ".segment"


class Damaged(Exception):
    """A file is not what was written; says which one and why in one line."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A segment in use: its file's name, its number of rows, and a bit for each, 1 while it is there."""

    file: str
    rows: int
    alive: bytes


def new_name(stem: Path, taken: Collection[str]) -> str:
    """Return a name for a segment's file that is not taken."""
    last = max((int(name.split(".")[-2]) for name in taken), default=0)
    return f"{stem.name}.{last + 1}{_SEGMENT}"


def write_list(stem: Path, user: str, points: int, listed: Sequence[Listed]) -> None:
    """Write a user's list durably. points: rows that are still there. Raises OSError."""
    segments = [
        {"file": one.file, "rows": one.rows, "alive": base64.b64encode(zlib.compress(one.alive, 1)).decode()}
        for one in listed
    ]
    text = json.dumps({"user": user, "points": points, "segments": segments}).encode()
    replace_file(_list(stem), text + b"\n" + _checksum(text), alone=True)


def read_list(stem: Path, user: str) -> list[Listed]:
    """Return a user's list; an empty one if there is none. Raises Damaged."""
    content = _content(_list(stem))
    if content is None:
        return []
    if content["user"] != user:
        raise Damaged(f"{_list(stem).name} is another user's")
    return [
        Listed(one["file"], one["rows"], zlib.decompress(base64.b64decode(one["alive"]))) for one in content["segments"]
    ]


def lists(folder: Path) -> list[Path]:
    """Return the paths of the lists of all users, in folders below one."""
    return list(folder.glob(f"*/*{_LIST}"))


def count_points(path: Path) -> int:
    """Return the number of points in a user's list. Raises Damaged."""
    content = _content(path)
    return 0 if content is None else int(content["points"])


def user_of(path: Path) -> str:
    """Return whose list it is. Raises Damaged."""
    content = _content(path)
    if content is None:
        raise Damaged(f"{path.name} is lost")
    return str(content["user"])


def remove_unlisted(stem: Path, listed: Sequence[Listed]) -> None:
    """Delete segments that are no longer in use, also those that a killed process left. Raises OSError."""
    in_use = {one.file for one in listed}
    for path in stem.parent.glob(f"{stem.name}.*{_SEGMENT}"):
        if path.name not in in_use:
            path.unlink()


def _list(stem: Path) -> Path:
    return stem.with_name(stem.name + _LIST)


def _content(path: Path) -> dict[str, Any] | None:
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Damaged(f"{path.name} cannot be read ({os.strerror(error.errno or 0)})") from error
    text, _, checksum = raw.rpartition(b"\n")
    if _checksum(text) != checksum:
        raise Damaged(f"{path.name} is damaged")
    content: dict[str, Any] = json.loads(text)
    return content


def _checksum(text: bytes) -> bytes:
    return b"%08x" % zlib.crc32(text)
