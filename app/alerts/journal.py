"""Writes the log of all alerts: one JSON object per line, on disk before the sender gets its answer, rotated by size.

`alerts.jsonl` is the current file, `alerts.jsonl.1` the one before it, and so on. A line is written whole or not at
all: a part of a line that a full disk or a crash leaves is cut off. The standard library's rotating handler neither
calls fsync nor reports a failed write.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from app.durable import sync
from app.own_file import open_own

FILE_NAME = "alerts.jsonl"
Entry = dict[str, Any]


class Journal:
    """Appends entries in one directory. One process, one thread at a time."""

    def __init__(self, directory: Path, limit_bytes: int, files: int) -> None:
        """limit_bytes: size at which a new file begins; files: how many to keep, including the current one."""
        self.path = directory / FILE_NAME
        self._limit_bytes, self._files = limit_bytes, files

    def append(self, entries: Sequence[Entry]) -> None:
        """Write entries to disk, all or none. Raises OSError, also when only the sync to disk failed."""
        content = "".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in entries).encode()
        with contextlib.suppress(FileNotFoundError):
            size = self.path.stat().st_size
            if size and size + len(content) > self._limit_bytes:
                self._rotate()
        is_new = not self.path.exists()
        file = open_own(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT)
        try:
            size = _whole_lines_bytes(file)
            try:
                _write_all(file, content)
                os.fsync(file)
            except OSError:
                with contextlib.suppress(OSError):
                    os.ftruncate(file, size)
                raise
        finally:
            os.close(file)
        if is_new:
            sync(self.path.parent)

    def recent(self, count: int, shape: Callable[[Entry], Entry]) -> deque[Entry]:
        """Return the last entries, oldest first; `shape` shortens each, because entries may be long."""
        entries: deque[Entry] = deque(maxlen=count)
        for path in (self._numbered(1), self.path):
            with contextlib.suppress(FileNotFoundError), path.open(encoding="utf-8", errors="replace") as lines:
                for text in lines:
                    # a line cut by a crash, or edited by hand
                    with contextlib.suppress(ValueError, LookupError, TypeError, AttributeError):
                        entries.append(shape(json.loads(text)))
        return entries

    def _numbered(self, number: int) -> Path:
        return self.path.with_name(f"{FILE_NAME}.{number}") if number else self.path

    def _rotate(self) -> None:
        """Move every file one number up and drop the oldest. A crash in between loses at most that one."""
        for number in range(self._files - 2, -1, -1):
            with contextlib.suppress(FileNotFoundError):
                self._numbered(number).replace(self._numbered(number + 1))
        if self._files == 1:
            self.path.unlink()
        sync(self.path.parent)


def _whole_lines_bytes(file: int) -> int:
    """Cut off a partial line that a crash left, whose sender got no answer, and return the size."""
    size = os.fstat(file).st_size
    if size == 0 or os.pread(file, 1, size - 1) == b"\n":
        return size
    end = 0
    position = size
    while position and not end:
        start = max(0, position - 65_536)
        end = os.pread(file, position - start, start).rfind(b"\n") + 1
        end = end + start if end else 0
        position = start
    os.ftruncate(file, end)
    return end


def _write_all(file: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(file, view) :]
