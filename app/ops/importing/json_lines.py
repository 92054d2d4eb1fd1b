"""Reads JSON objects from lines, of which one may be long, broken or half written.

Other programs are killed while they write, and write on after a line that they did not finish. What can be read of a
broken line is read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import IO, Any

from app.errors import shown
from app.ops.importing.bounds import TEXT_LIMIT_BYTES, decodes_to_bytes, too_large
from app.ops.importing.entries import BadEntry, Position
from app.ops.importing.repair import repaired

LINE_LIMIT_BYTES = TEXT_LIMIT_BYTES  # the longest line of export has 18 MB
_SKIPPED_AT_ONCE = 1 << 20
_TRIES = 50  # to find an object in a broken line
_FIRST_KEY = re.compile(r'\s*\{\s*"([^"\\]{1,40})"\s*:')

Objects = Iterator[tuple[Position, dict[str, Any] | BadEntry]]


def lines(stream: IO[bytes], file: str | None) -> Iterator[tuple[Position, bytes | BadEntry]]:
    """Yield each line that is not blank; of one that is too long, what is wrong."""
    number = 0
    while line := stream.readline(LINE_LIMIT_BYTES + 1):
        number += 1
        position = Position(file=file, line=number)
        if len(line) > LINE_LIMIT_BYTES:
            while line and not line.endswith(b"\n"):
                line = stream.readline(_SKIPPED_AT_ONCE)
            reason = f"is longer than {LINE_LIMIT_BYTES:,} bytes; make it several lines"
            yield position, BadEntry(position=position, reason=reason)
        elif not line.isspace():
            if len(line) > _SKIPPED_AT_ONCE and decodes_to_bytes(line) > TEXT_LIMIT_BYTES:
                yield position, BadEntry(position=position, reason=f"takes over {TEXT_LIMIT_BYTES:,} bytes as text")
            else:
                yield position, line


def objects(stream: IO[bytes], file: str | None) -> Objects:
    """Yield the JSON objects of another program's lines, and what is wrong with the rest of a broken line."""
    decoder = json.JSONDecoder(strict=False)  # control characters in a text are no reason to lose it
    first_keys: set[str] = set()
    for position, line in lines(stream, file):
        if isinstance(line, BadEntry):
            yield position, line
            continue
        text = repaired(line.translate(None, b"\0").strip())
        del line  # what is long is held once
        if (why := too_large(text)) is not None:
            yield position, BadEntry(position=position, reason=why)
            continue
        if (key := _FIRST_KEY.match(text)) is not None and len(first_keys) < _TRIES:
            first_keys.add(key[1])
        try:
            value = decoder.decode(text)
        except (ValueError, RecursionError) as error:
            yield from _pieces(position, text, decoder, first_keys, error)
            continue
        if isinstance(value, dict):
            yield position, value
        else:
            yield position, BadEntry(position=position, reason=f"got {shown(value)}, takes a JSON object")


def _pieces(
    position: Position, text: str, decoder: json.JSONDecoder, first_keys: set[str], error: Exception
) -> Objects:
    """Yield the objects that a broken line holds one after the other, and what is wrong if something is lost."""
    starts = re.compile(r'\{\s*"(?:' + "|".join(map(re.escape, sorted(first_keys))) + r')"\s*:')
    at, lost = 0, False
    for _ in range(_TRIES):
        try:
            value, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            value, lost, at = None, True, at + 1
        if isinstance(value, dict):
            yield position, value
        elif value is not None:
            lost = True
        if not text[at:].strip() or not first_keys or (start := starts.search(text, at)) is None:
            lost = lost or bool(text[at:].strip())
            break
        lost = lost or bool(text[at : start.start()].strip())
        at = start.start()
    if lost:
        reason = f"is not JSON ({' '.join(str(error).split())[:200]})"
        yield position, BadEntry(position=position, reason=reason)
