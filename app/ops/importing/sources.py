"""Opens the input of an import as streams: a file, standard input, an archive, a folder.

Nothing is unpacked to disk, and only those members of an archive are read that a format names.
"""

from __future__ import annotations

import io
import re
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, Any

from app.errors import InvalidInput, MemoryServerError

HEAD_BYTES = 1 << 20  # enough to recognise a format; the longest first line of a transcript is some 100 kB
_CONVERSATIONS = re.compile(r"conversations(-\d{1,6})?\.json")  # ChatGPT numbers them when there are many
_MEMBER_LIMIT_BYTES = 32 << 30
_BOMB_BYTES, _BOMB_RATIO = 256 << 20, 150  # JSON of chats shrinks 3 to 15 times; deflate can do 1,000
_DEPTH_LIMIT = 3  # the folders an archive may have around its conversations.json

_ARCHIVE = b"PK\x03\x04"

_TAKES = "a file, a folder of Claude Code's transcripts, or - for standard input"


class Unreadable(MemoryServerError):
    """The input cannot be opened."""

    code = "unreadable"
    status = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One stream to read. name: its path inside the folder or archive, None for a single file."""

    name: str | None
    open: Callable[[], IO[bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """All streams of one import. total_bytes: None when unknown. transcripts: the folder is one of Claude Code's."""

    streams: tuple[Source, ...]
    total_bytes: int | None
    transcripts: bool = False


class Counted(io.RawIOBase):
    """Counts what is read, for the progress bar; its first bytes can be looked at before."""

    def __init__(self, file: IO[bytes], on_read: Callable[[int], None]) -> None:
        self._file = file
        self._on_read = on_read
        self._head = b""

    def head(self, size: int) -> bytes:
        """Return the first bytes, at most `size`, without consuming them."""
        while len(self._head) < size and (data := self._file.read(size - len(self._head))):
            self._head += data
        return self._head

    def readable(self) -> bool:
        """Return True: this is for reading only."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # typeshed says Buffer
        """Read as much as is available, at most the buffer's length."""
        data = self._head[: len(buffer)]
        self._head = self._head[len(data) :]
        data = data or self._file.read(len(buffer))
        buffer[: len(data)] = data
        self._on_read(len(data))
        return len(data)


def opened(file: str, stack: ExitStack) -> Sources:
    """Return the streams of FILE; what they need stays open until the stack ends. Raises Unreadable, InvalidInput."""
    if file == "-":
        return _stdin(stack)
    path = Path(file).expanduser()
    if path.is_dir():
        return _folder(path)
    try:
        opened_file = stack.enter_context(path.open("rb"))
        if path.is_file() and opened_file.peek(4).startswith(_ARCHIVE):
            return _archive(opened_file, stack)
        size = path.stat().st_size if path.is_file() else None
    except OSError as error:
        raise Unreadable(f"{file}: {error.strerror}; import takes {_TAKES}") from error
    return Sources(streams=(Source(name=None, open=lambda: opened_file),), total_bytes=size)


def _stdin(stack: ExitStack) -> Sources:
    raw: Any = sys.stdin.buffer
    stream = io.BufferedReader(raw)
    if not stream.peek(4).startswith(_ARCHIVE):
        return Sources(streams=(Source(name=None, open=lambda: stream),), total_bytes=None)
    copy = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - the stack ends it
    shutil.copyfileobj(stream, copy)  # an archive has its directory at the end
    return _archive(copy, stack)


def _archive(file: IO[bytes], stack: ExitStack) -> Sources:
    try:
        archive = stack.enter_context(zipfile.ZipFile(file))
    except (zipfile.BadZipFile, NotImplementedError, OSError) as error:
        raise Unreadable(f"the archive is damaged: {error}; download it again") from error
    members = [member for member in archive.infolist() if _holds_conversations(member.filename)]
    members.sort(key=lambda member: member.filename)
    if not members:
        raise InvalidInput("FILE", "an archive without a conversations.json", "an account export of Claude or ChatGPT")
    for member in members:
        bomb = member.file_size > _BOMB_BYTES and member.file_size > _BOMB_RATIO * max(1, member.compress_size)
        if bomb or member.file_size > _MEMBER_LIMIT_BYTES:
            raise Unreadable(
                f"{member.filename} says it is {member.file_size:,} bytes packed into {member.compress_size:,}, which "
                "no account export is; unpack it by hand if you trust it, and import the JSON file"
            )
        if member.flag_bits & 1:
            raise Unreadable(f"{member.filename} is encrypted; unpack it first, and import the JSON file")

    return Sources(
        streams=tuple(Source(name=member.filename, open=partial(archive.open, member)) for member in members),
        total_bytes=sum(member.file_size for member in members),
    )


def _holds_conversations(name: str) -> bool:
    path = PurePosixPath(name)
    return len(path.parts) <= _DEPTH_LIMIT and _CONVERSATIONS.fullmatch(path.name) is not None


def _folder(path: Path) -> Sources:
    """Return the transcripts of a projects folder, of its parent, or of one project; or an unpacked export."""
    if (path / "projects").is_dir():
        path = path / "projects"
    unpacked = sorted(file for file in path.glob("conversations*.json") if _CONVERSATIONS.fullmatch(file.name))
    # Not deeper: a session's own folders hold what its sub-agents and tools said.
    files = unpacked or sorted([*path.glob("*.jsonl"), *path.glob("*/*.jsonl")])
    files = [file for file in files if file.is_file()]
    if not files:
        raise InvalidInput("FILE", str(path), "a folder with Claude Code's transcripts (*/*.jsonl), such as ~/.claude")

    return Sources(
        streams=tuple(Source(name=str(file.relative_to(path)), open=partial(_open, file)) for file in files),
        total_bytes=sum(file.stat().st_size for file in files),
        transcripts=not unpacked,
    )


def _open(file: Path) -> IO[bytes]:
    return file.open("rb")
