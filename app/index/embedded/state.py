"""The files beside the users' indexes: the lock of the process that has them open, and `state.json`.

The state says what they were made from, and up to which position in the change log they are durable.
"""

from __future__ import annotations

import fcntl
import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from app.durable import replace_file
from app.errors import Conflict
from app.memory.bm25 import VECTORS_VERSION
from app.memory.change_log import Space
from app.own_file import open_own

FORMAT = 3  # of points, payloads and the segments' files

_VERSIONS = (FORMAT, VECTORS_VERSION)  # if the folder's differ, the index is rebuilt
_FOLDERS = ("users", "users-2")  # of an index, and of one that replaces it


@dataclass(frozen=True, slots=True)
class IndexState:
    """The content of an index. users: how many have a list. model, size: of its vectors; None if it has none.

    folder: where the users' indexes are; another index may be beside it.
    """

    format: int
    vectors: int
    database: str
    position: int
    users: int
    model: str | None = None
    size: int | None = None
    folder: str = _FOLDERS[0]

    @classmethod
    def new(cls, database: str, space: Space | None, earlier: IndexState | None = None) -> IndexState:
        """Return the state of an empty index made by this version. earlier: one that it replaces."""
        folder = next(name for name in _FOLDERS if earlier is None or name != earlier.folder)
        return cls(*_VERSIONS, database, 0, 0, folder=folder).with_vectors(space)

    def with_vectors(self, space: Space | None) -> IndexState:
        """Return the state of an index that has vectors of a space; None for none."""
        model, size = (None, None) if space is None else (space.model, space.size)
        return replace(self, model=model, size=size)

    @property
    def space(self) -> Space | None:
        """The space of its vectors."""
        return None if self.model is None or self.size is None else Space(self.model, self.size)


def state_file(folder: Path) -> Path:
    """Return the path of the state of the index in a folder."""
    return folder / "state.json"


def read_state(folder: Path, database: str, space: Space | None) -> tuple[IndexState | None, str]:
    """Return the state, or None and why the index cannot be used with this database and these vectors."""
    state, why = _read(folder, database)
    if state is None:
        return None, why
    if (state.format, state.vectors) != _VERSIONS:
        return None, "it has the format of another version"
    if space is not None and state.space != space:
        return None, "it lacks vectors of the embedding model"
    return state, ""


def earlier_state(folder: Path, database: str, space: Space | None) -> IndexState | None:
    """Return the state of an index that can be searched until a new one replaces it; None if there is none.

    It has the words of this database, weighed by another version, or vectors of another model, which are left out.
    """
    state, _ = _read(folder, database)
    if state is None or state.format != FORMAT:
        return None
    return state if state.space == space else state.with_vectors(None)


def _read(folder: Path, database: str) -> tuple[IndexState | None, str]:
    try:
        recorded = json.loads(state_file(folder).read_text(encoding="utf-8"))
        if isinstance(recorded, dict):
            recorded.pop("analysis", None)  # of an earlier version; an index has whatever terms its rows have
        state = IndexState(**recorded)
    except FileNotFoundError:
        return None, "there is no index yet"
    except (ValueError, TypeError, OSError) as error:
        return None, f"its state file is damaged ({type(error).__name__})"
    if state.folder not in _FOLDERS:
        return None, "its state file is damaged (folder)"
    return (state, "") if state.database == database else (None, "it was made from another database")


def write_state(folder: Path, state: IndexState) -> None:
    """Write the state to disk, whole or not at all. Raises OSError."""
    replace_file(state_file(folder), json.dumps(asdict(state)).encode(), alone=True)


def hold(folder: Path) -> int:
    """Take the folder's lock and return its descriptor. Raises Conflict when another process has it."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = open_own(folder / "lock", os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise Conflict(f"the index {folder} is in use by another process; stop that one first") from None
    return descriptor
