"""Turns bytes that should be UTF-8 into text, so that a broken byte costs one character and nothing else.

Some programs write an emoji as two surrogates of three bytes each (CESU-8); these become one character again. Every
other byte that is not UTF-8 becomes U+FFFD. Windows' shells write UTF-16, which its first two bytes show.
"""

from __future__ import annotations

import codecs
import io
import re
from typing import IO

_MARK = b"\xef\xbb\xbf"  # Windows editors put it before UTF-8
_WIDE = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_READ_BYTES = 1 << 18

_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_LONE = re.compile("[\ud800-\udfff]")
_BLANKS = bytes(range(256)).replace(bytes(range(32)), b" " * 32)  # of UTF-8, these bytes are only themselves
_SURROGATE_BYTES = 3
_CONTINUES, _LEADS = 0x80, 0xC0  # the bytes of a character after its first one are between these
_HIGH_SURROGATES = range(0xA0, 0xB0)  # the second byte of the first one of a pair


def _surrogate_or_mark(error: UnicodeError) -> tuple[str, int]:
    """Return the surrogate that the next three bytes are, else U+FFFD for the bytes that are no character."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    try:
        three = error.object[error.start : error.start + _SURROGATE_BYTES]
        return three.decode("utf-8", "surrogatepass"), error.start + _SURROGATE_BYTES
    except UnicodeDecodeError:
        return "\ufffd", error.end


codecs.register_error("claude-memory-repair", _surrogate_or_mark)


def repaired(data: bytes) -> str:
    """Return the text of bytes. It has no lone surrogates."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return joined(data.decode("utf-8", "claude-memory-repair"))


def joined(text: str) -> str:
    """Return a text with pairs of surrogates made one character each, and lone ones made U+FFFD."""
    if _LONE.search(text) is None:
        return text
    return _LONE.sub("\ufffd", _PAIR.sub(lambda pair: pair[0].encode("utf-16", "surrogatepass").decode("utf-16"), text))


def without_mark(head: bytes) -> bytes:
    """Return the beginning of a file as UTF-8 without its byte order mark."""
    for mark, name in _WIDE.items():
        if head.startswith(mark):
            return head[len(mark) :].decode(name, "replace").encode("utf-8", "replace")
    return head.removeprefix(_MARK)


def as_utf8(stream: io.BufferedReader) -> io.BufferedReader:
    """Return a stream without its byte order mark; UTF-16 as UTF-8."""
    head = stream.peek(len(_MARK))
    for mark, name in _WIDE.items():
        if head.startswith(mark):
            stream.read(len(mark))
            return io.BufferedReader(_Utf8(stream, name), _READ_BYTES)
    if head.startswith(_MARK):
        stream.read(len(_MARK))
    return stream


class _Utf8(io.RawIOBase):
    """A UTF-16 stream, read as UTF-8."""

    def __init__(self, stream: IO[bytes], name: str) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder(name)("replace")
        self._ready = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # typeshed says Buffer
        while not self._ready and (data := self._stream.read(_READ_BYTES)):
            self._ready = self._decoder.decode(data).encode("utf-8", "replace")
        part, self._ready = self._ready[: len(buffer)], self._ready[len(buffer) :]
        buffer[: len(part)] = part
        return len(part)


class Texts:
    """Reads a stream as repaired text, piece by piece; a character or a pair cut by a piece's end stays whole.

    blank: control characters become blanks, and NUL goes.
    """

    def __init__(self, stream: IO[bytes], *, blank: bool = False) -> None:
        self._stream = stream
        self._blank = blank
        self._rest = b""
        self.ended = False

    def read(self, size: int) -> str:
        """Return the text of about `size` more bytes; '' at the end."""
        data = self._stream.read(size)
        self.ended = not data
        if self._blank:
            data = data.translate(_BLANKS, b"\0")
        data, self._rest = self._rest + data, b""
        if not self.ended:
            cut = _whole(data)
            data, self._rest = data[:cut], data[cut:]
        return repaired(data)


def _whole(data: bytes) -> int:
    """Return where bytes can be cut without parting a character, or a surrogate from the one after it."""
    cut = len(data)
    while cut > max(0, len(data) - _SURROGATE_BYTES) and _CONTINUES <= data[cut - 1] < _LEADS:
        cut -= 1
    if cut and data[cut - 1] >= _LEADS:
        cut -= 1  # what begins there may be whole, and is read with the next piece
    else:
        cut = len(data)
    if data[cut - 3 : cut - 2] == b"\xed" and data[cut - 2] in _HIGH_SURROGATES:
        cut -= _SURROGATE_BYTES
    return cut
