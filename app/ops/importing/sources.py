"""Opens the input of an import as streams: a file, standard input, an archive, a folder.

Nothing is unpacked to disk, and only those members of an archive are read that a format names.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
import sys
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast, overload

from app.errors import InvalidInput, MemoryServerError
from app.ops.importing.names import Format

HEAD_BYTES = 1 << 20  # enough to recognise a format; the longest first line of a transcript is some 100 kB
# The files of an account export. ChatGPT numbers conversations when there are many; Claude's projects are one file each
# or all in one.
_MEMBERS = re.compile(
    r"(?:.*/)?(?:(projects/[^/]+\.json|projects\.json)|(memories\.json)|conversations(-\d{1,6})?\.json)"
)
_BOMB_BYTES, _BOMB_RATIO = 256 << 20, 150  # JSON of chats shrinks 3 to 15 times; deflate can do 1,000
_DIRECTORY_LIMIT_BYTES = 8 << 20  # of an archive: some 60,000 files, which take 50 MB of memory
_PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # bzip2 and LZMA unpack any length at once
_FROM_STDIN_LIMIT_BYTES = 16 << 30
_COPIED_AT_ONCE = 1 << 20
_FILES_LIMIT = 200_000  # of a folder; their names take 30 MB
_DEPTH_LIMIT = 3  # the folders an archive may have around its conversations.json
_LINES_FOR_FOLDER = 50  # of a transcript: its working folder stands in one of the first

# Python reads zstd from 3.14 on, and a package that does is larger than this program. Whoever has such files has zstd.
_PACKED_ROLLOUTS = ("**/rollout-*.jsonl.zst",)
UNPACK = "zstd -d FILE"

_ARCHIVE = b"PK\x03\x04"

_TAKES = "a file, a folder of transcripts, of notes or of an unpacked export, or - for standard input"


class Unreadable(MemoryServerError):
    """The input cannot be opened."""

    code = "unreadable"
    status = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One stream to read.

    name: its path inside the folder or archive, None for a single file. format: known by its place. folder: returns
    where its client worked, for files that do not say so.
    """

    name: str | None
    open: Callable[[], IO[bytes]]
    format: Format | None = None
    folder: Callable[[], str | None] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """All streams of one import. total_bytes: None when unknown. others: how many files beside them are not read.

    packed: how many of those are rollouts that Codex packed with zstd.
    """

    streams: Sequence[Source]
    total_bytes: int | None
    others: int = 0
    packed: int = 0


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
        if path.is_char_device() or path.is_block_device():
            raise Unreadable(f"{file} is a device; import takes {_TAKES}")
        opened_file = stack.enter_context(path.open("rb"))
        if path.is_file() and opened_file.peek(4).startswith(_ARCHIVE):
            return _archive(opened_file, stack)
        size = path.stat().st_size if path.is_file() else None
    except OSError as error:
        raise Unreadable(f"{file}: {error.strerror}; import takes {_TAKES}") from error
    source = _source(None, path.resolve(), None)
    single = Source(name=None, open=lambda: opened_file, format=source.format, folder=source.folder)
    return Sources(streams=(single,), total_bytes=size)


def _stdin(stack: ExitStack) -> Sources:
    raw: Any = sys.stdin.buffer
    stream = io.BufferedReader(raw)
    if not stream.peek(4).startswith(_ARCHIVE):
        return Sources(streams=(Source(name=None, open=lambda: stream),), total_bytes=None)
    copy = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - the stack ends it
    while data := stream.read(_COPIED_AT_ONCE):  # an archive has its directory at the end
        if copy.tell() > _FROM_STDIN_LIMIT_BYTES:
            raise Unreadable(f"the archive is over {_FROM_STDIN_LIMIT_BYTES:,} bytes; save it, and import the file")
        copy.write(data)
    return _archive(copy, stack)


class _Archive(io.RawIOBase):
    """A file that gives no more at once than a directory may have: zipfile reads one whole, whatever its length."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def read(self, size: int = -1) -> bytes:
        if size > _DIRECTORY_LIMIT_BYTES:
            raise Unreadable("the archive holds more files than any account export; unpack it, and import the folder")
        return self._file.read(size)


def _archive(file: IO[bytes], stack: ExitStack) -> Sources:
    try:
        archive = stack.enter_context(zipfile.ZipFile(cast("IO[bytes]", _Archive(file))))
    except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError) as error:
        raise Unreadable(f"the archive is damaged: {error}; download it again") from error
    everything = [member for member in archive.infolist() if member.filename and not member.is_dir()]
    members = [member for member in everything if _is_read(member.filename)]
    members.sort(key=lambda member: (_rank(member.filename), member.filename))
    if not members:
        names = ", ".join(sorted(member.filename for member in everything)[:5]) or "nothing"
        takes = "an account export of Claude or ChatGPT, with a conversations.json"
        raise InvalidInput("FILE", f"an archive of {names[:300]}", takes)
    _check_members(members)
    return Sources(
        streams=tuple(Source(name=member.filename, open=partial(_member, archive, member)) for member in members),
        total_bytes=sum(member.file_size for member in members),
        others=len(everything) - len(members),
    )


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> IO[bytes]:
    """Open a file of an archive. Raises BadZipFile, also where the name before its content is no text."""
    try:
        return archive.open(member)
    except UnicodeDecodeError as error:
        raise zipfile.BadZipFile("a name in the archive is damaged") from error


def _check_members(members: list[zipfile.ZipInfo]) -> None:
    """Raise Unreadable for what unpacks to far more than chats do, overlaps, or cannot be unpacked piece by piece."""
    by_hand = "unpack it by hand if you trust it, and import the JSON file"
    size, packed = (sum(getattr(member, name) for member in members) for name in ("file_size", "compress_size"))
    if size > _BOMB_BYTES and size > _BOMB_RATIO * packed:
        name = max(members, key=lambda member: member.file_size).filename
        raise Unreadable(
            f"{name} says it is {size:,} bytes packed into {packed:,}, which no account export is; {by_hand}"
            if len(members) == 1
            else f"{name} and others say they are {size:,} bytes packed into {packed:,}, which no account export is; "
            + by_hand
        )
    end = 0
    for member in sorted(members, key=lambda member: member.header_offset):
        if member.header_offset < end:
            raise Unreadable(f"{member.filename} overlaps another file of the archive; {by_hand}")
        end = member.header_offset + member.compress_size
        if member.flag_bits & 1:
            raise Unreadable(f"{member.filename} is encrypted; unpack it first, and import the JSON file")
        if member.compress_type not in _PACKED:
            raise Unreadable(f"{member.filename} is packed in a way that no account export is; {by_hand}")


def _is_read(name: str) -> bool:
    path = PurePosixPath(name)
    return len(path.parts) <= _DEPTH_LIMIT and _MEMBERS.fullmatch(name) is not None


def _rank(name: str) -> int:
    """Return the order of an export's files: projects first, since memories name them only by their ids."""
    found = _MEMBERS.fullmatch(name)
    return 2 if found is None else 0 if found[1] else 1 if found[2] else 2


# What a folder may be, in the order in which it is asked: where the files are, and their format if the place tells it.
_Layout = tuple[tuple[str, ...], Format | None]
_TRANSCRIPTS = ("*/*.jsonl", "*/memory/**/*.md")
_LAYOUTS: tuple[_Layout, ...] = (
    (("projects/*/agent-transcripts/*/*.jsonl", "projects/*/agent-transcripts/*.jsonl"), Format.CURSOR),  # ~/.cursor
    (("globalStorage/state.vscdb", "User/globalStorage/state.vscdb"), Format.CURSOR),  # of the editor
    (("*/agent-transcripts/*/*.jsonl", "agent-transcripts/*/*.jsonl"), Format.CURSOR),
    (("sessions/**/rollout-*.jsonl", "archived_sessions/rollout-*.jsonl"), Format.CODEX),  # ~/.codex
    (
        ("tmp/*/chats/*.json", "tmp/*/chats/*.jsonl", "*/chats/*.json", "*/chats/*.jsonl"),
        Format.GEMINI_CLI,
    ),  # ~/.gemini
    # ~/.claude/projects. Not deeper: a session's own folders hold what its sub-agents and tools said.
    (_TRANSCRIPTS, Format.CLAUDE_CODE),
    (("*.jsonl", "memory/**/*.md"), None),
    (("**/rollout-*.jsonl",), Format.CODEX),
    (("session-*.json",), Format.GEMINI_CLI),
    (("**/*.md",), None),
)


def _folder(path: Path) -> Sources:
    """Return the files of an unpacked export, of a coding agent's home or a part of it, or of notes."""
    unpacked = [name for name in _files(path, ("*.json", "projects/*.json")) if _is_read(name)]
    if any(name.startswith("conversations") for name in unpacked):
        unpacked.sort(key=lambda name: (_rank(name), name))
        return _sources(path, unpacked, None)
    if _files(path / "projects", _TRANSCRIPTS):
        path = path / "projects"
    for patterns, format_ in _LAYOUTS:
        if files := _files(path, patterns):
            packed = len(_files(path, _PACKED_ROLLOUTS)) if format_ == Format.CODEX else 0
            return replace(_sources(path, files, format_), packed=packed)
    if packed := len(_files(path, _PACKED_ROLLOUTS)):
        raise Unreadable(f"{path} holds only rollouts packed with zstd ({packed:,}); unpack them: {UNPACK}")
    takes = (
        "a folder with Claude Code's transcripts (*/*.jsonl), such as ~/.claude; ~/.codex, ~/.gemini, ~/.cursor; notes"
    )
    raise InvalidInput("FILE", str(path), takes)


def _files(path: Path, patterns: tuple[str, ...]) -> list[str]:
    """Return the paths below a folder, without it."""
    found: set[str] = set()
    for pattern in patterns:
        for file in path.glob(pattern):
            name = file.relative_to(path).as_posix()
            if not any(part.startswith(".") for part in name.split("/")) and file.is_file():
                found.add(name)
                if len(found) > _FILES_LIMIT:
                    raise Unreadable(f"{path} holds over {_FILES_LIMIT:,} files; import the folders in it one by one")
    return sorted(found)


class _Files(Sequence[Source]):
    """The files of a folder as sources, each made when it is asked for: only the names are in memory."""

    def __init__(self, path: Path, names: list[str], format_: Format | None) -> None:
        self._path, self._names, self._format = path, names, format_

    def __len__(self) -> int:
        return len(self._names)

    @overload
    def __getitem__(self, at: int) -> Source: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Source]: ...
    def __getitem__(self, at: int | slice) -> Source | Sequence[Source]:
        if isinstance(at, slice):
            return _Files(self._path, self._names[at], self._format)
        name = self._names[at]
        return _source(name, self._path / name, self._format)


def _sources(path: Path, names: list[str], format_: Format | None) -> Sources:
    total = sum((path / name).stat().st_size for name in names)
    return Sources(streams=_Files(path, names, format_), total_bytes=total)


def _source(name: str | None, file: Path, format_: Format | None) -> Source:
    """Return a file as a source. A note in the folder `memory` beside transcripts is one of Claude Code's."""
    if file.suffix == ".md" and "memory" in file.parts:
        project = Path(*file.parts[: _last(file.parts, "memory")])
        if any(project.glob("*.jsonl")) or format_ == Format.CLAUDE_CODE:
            folder = partial(_worked_in, project)
            return Source(name=name, open=partial(_open, file), format=Format.CLAUDE_CODE_NOTES, folder=folder)
    return Source(name=name, open=partial(_open, file), format=format_)


def _last(parts: tuple[str, ...], name: str) -> int:
    return max(number for number, part in enumerate(parts) if part == name)


def _worked_in(project: Path) -> str | None:
    """Return the folder that the transcripts of a project were made in: its own name tells it only roughly."""
    for file in sorted(project.glob("*.jsonl")):
        with file.open("rb") as stream:
            for _ in range(_LINES_FOR_FOLDER):
                found = re.search(rb'"cwd"\s*:\s*("(?:[^"\\]|\\.)*")', stream.readline(HEAD_BYTES))
                if found is not None:
                    with contextlib.suppress(ValueError):
                        return str(json.loads(found[1]))
    return None


def _open(file: Path) -> IO[bytes]:
    return file.open("rb")
