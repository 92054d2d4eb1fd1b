"""Lets a person edit a text in an editor of their choice."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkstemp

from app.errors import MemoryServerError


class NotEdited(MemoryServerError):
    """The editor could not be started, or ended with an error; nothing was changed."""

    code = "not_edited"


@contextmanager
def edited(text: str) -> Iterator[str]:
    """Yield the text as a person has left it in VISUAL or EDITOR. Raises NotEdited.

    If the block fails, the person's text stays in its file, whose name is printed.
    """
    file, name = mkstemp(prefix="claude-memory-", suffix=".md")  # readable by its owner alone
    path = Path(name)
    with open(file, "w", encoding="utf-8", newline="") as draft:  # noqa: PTH123
        draft.write(text)
    try:
        _run_editor(path)
        after = path.read_bytes().decode("utf-8", "replace")
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    if after.endswith("\n") and not text.endswith("\n"):  # many editors end the last line
        after = after.removesuffix("\n").removesuffix("\r")
    try:
        yield after
    except MemoryServerError:
        print(f"claude-memory: what you wrote is in {path}", file=sys.stderr)
        raise
    path.unlink(missing_ok=True)


def _run_editor(path: Path) -> None:
    given = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    try:
        command = shlex.split(given)
        status = subprocess.run([*command, os.fspath(path)], check=False).returncode  # noqa: S603  the user's own choice
    except (OSError, ValueError) as error:
        raise NotEdited(f"editor {given!r}: {error}; set EDITOR to the command of another, or give --text") from None
    if status:
        raise NotEdited(f"editor {given!r} ended with exit status {status}, so nothing was changed")
