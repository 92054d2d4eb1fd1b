"""Remembers, beside the data, that a client could sign in when a server last started.

With AUTH=required a server must not accept connections before it knows that there is a live token, and only its
database knows that. So a start that found one writes the file `had-token`, and the next start on the same database
opens its port at once. The file holds one line: the database, without user, password and options, or `embedded`.
It is a hint: if all tokens have ended since, that start listens, finds none, removes the file and ends.
Standard library only: `app.process.boot` reads it before the port is open.
"""

from __future__ import annotations

import contextlib
import os

from app.own_file import open_own

FILE_NAME = "had-token"
_LIMIT_CHARACTERS = 4_096


def had_token(directory: str, database_url: str) -> bool:
    """Whether the last start in a data directory found a token in this database; "" is the embedded one."""
    try:
        with open(open_own(_path(directory), os.O_RDONLY), encoding="utf-8") as file:  # noqa: PTH123
            return file.read(_LIMIT_CHARACTERS) == _line(database_url)
    except (OSError, ValueError):
        return False


def note(directory: str, database_url: str) -> None:
    """Remember that there is a token. A failed write does no harm."""
    with contextlib.suppress(OSError):
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        with open(open_own(_path(directory), flags, 0o644), "w", encoding="utf-8") as file:  # noqa: PTH123
            file.write(_line(database_url))


def forget(directory: str) -> None:
    """Remember that there is none."""
    with contextlib.suppress(OSError):
        os.unlink(_path(directory))  # noqa: PTH108


def _path(directory: str) -> str:
    return os.path.join(directory, FILE_NAME)  # noqa: PTH118


def _line(database_url: str) -> str:
    address = database_url.partition("://")[2].rpartition("@")[2].partition("?")[0]
    return f"{address if database_url else 'embedded'}\n"
