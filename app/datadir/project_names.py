"""The names of projects: which repository has which, kept in `projects.json` in the data directory.

The first repository with a folder of a name gets the name, so memories that are there keep theirs; the next one gets a
longer name. A checkout under another name gets the name of its repository. `claude-memory project` renames and merges.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.datadir.checkout import Checkout, checkout_of
from app.durable import replace_file
from app.errors import MemoryServerError
from app.own_file import open_own

if sys.platform != "win32":
    import fcntl

FILE_NAME = "projects.json"
_NAME_LIMIT_CHARACTERS = 200  # as app/memory/types.py has it
_WAIT_S, _PAUSE_S = 2.0, 0.02


class NamesUnreadable(MemoryServerError):
    """The file of project names is damaged or cannot be written."""

    code = "project_names_unreadable"


@dataclass(slots=True)
class _Names:
    """projects: the names by identity. folders: the identities by main folder, for when it is gone."""

    projects: dict[str, str] = field(default_factory=dict)
    folders: dict[str, str] = field(default_factory=dict)


class ProjectNames:
    """The names of projects in a data directory; without one, they are forgotten with this object."""

    def __init__(self, directory: Path | None) -> None:
        self._path = None if directory is None else directory / FILE_NAME
        self._names: _Names | None = None
        self._known: dict[str, str | None] = {}

    def of(self, folder: str) -> str | None:
        """Return the name of a folder's project; None for a folder without a name. Raises NamesUnreadable."""
        if folder not in self._known:
            self._known[folder] = self._of(folder)
        return self._known[folder]

    def repositories(self) -> dict[str, list[str]]:
        """Return the identities of each project. Raises NamesUnreadable."""
        found: dict[str, list[str]] = {}
        for identity, name in sorted(self._read().projects.items()):
            found.setdefault(name, []).append(identity)
        return found

    def rename(self, old: str, new: str) -> None:
        """Give the repositories of a project another name, also one that others have. Raises NamesUnreadable."""
        with self._changing() as names:
            names.projects = {identity: new if name == old else name for identity, name in names.projects.items()}

    def _of(self, folder: str) -> str | None:
        checkout = checkout_of(folder)
        if checkout is None:
            return None
        names = self._read()
        identity = _identity(names, checkout)
        if names.folders.get(checkout.root) == identity and identity in names.projects:
            return names.projects[identity]
        with self._changing() as names:
            before, identity = names.folders.get(checkout.root, ""), _identity(names, checkout)
            name = names.projects.get(identity) or names.projects.get(before) or _free(names, checkout)
            names.folders[checkout.root] = identity
            names.projects[identity] = name
            return name

    @contextlib.contextmanager
    def _changing(self) -> Iterator[_Names]:
        with _locked(self._path):
            self._names = None if self._path is not None else self._names
            names = self._read()
            yield names
            self._known.clear()
            if self._path is not None:
                content = {"projects": names.projects, "folders": names.folders}
                try:
                    self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                    replace_file(self._path, json.dumps(content, indent=1, ensure_ascii=False).encode())
                except OSError as error:
                    raise NamesUnreadable(f"{self._path} cannot be written: {error.strerror}") from error

    def _read(self) -> _Names:
        if self._names is None:
            self._names = _Names() if self._path is None else _parsed(self._path)
        return self._names


def _identity(names: _Names, checkout: Checkout) -> str:
    """Return what tells a repository from others, also when its folder is gone and was seen before."""
    return checkout.remote or names.folders.get(checkout.root) or checkout.identity


def _free(names: _Names, checkout: Checkout) -> str:
    taken = set(names.projects.values())
    candidates = [checkout.name, *checkout.longer_names]
    numbered = (f"{checkout.name}-{number}" for number in range(2, len(taken) + 3))
    return next(name for name in (*candidates, *numbered) if name not in taken)[:_NAME_LIMIT_CHARACTERS]


def _parsed(path: Path) -> _Names:
    try:
        content: Any = json.loads(path.read_bytes())
    except FileNotFoundError:
        return _Names()
    except (OSError, ValueError, RecursionError) as error:
        raise NamesUnreadable(f"{path} cannot be read ({error}); repair it or remove it") from error
    if not isinstance(content, dict) or not all(_is_table(content.get(name)) for name in ("projects", "folders")):
        raise NamesUnreadable(f"{path} does not hold names of projects; repair it or remove it")
    return _Names(projects=content["projects"], folders=content["folders"])


def _is_table(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(name, str) for name in value.values())


@contextlib.contextmanager
def _locked(path: Path | None) -> Iterator[None]:
    """Keep other processes out for the block; give up waiting after a while, as a hook must not hang."""
    if path is None or sys.platform == "win32":
        yield
        return
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = open_own(path.with_name(f".{path.name}.lock"), os.O_RDWR | os.O_CREAT)
    except OSError as error:
        raise NamesUnreadable(f"{path} cannot be written: {error.strerror}") from error
    try:
        end = time.monotonic() + _WAIT_S
        while time.monotonic() < end:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                time.sleep(_PAUSE_S)
        else:  # without the lock, what the other process writes would be lost
            raise NamesUnreadable(f"{path} was held by another process for {_WAIT_S:g} s; nothing changed, try again")
        yield
    finally:
        os.close(file)
