"""Reads what is left of a JSON object with a broken place in it.

`without_damage` leaves out the part that holds the place, such as one message of a conversation: a part is a member of
an array or of an object two levels deep. `before_damage` keeps what comes before the place.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"|[{}\[\]:,]')  # possessive: a long text takes no memory
_CLOSES = {"{": "}", "[": "]"}
_PART_DEPTH = 2  # an object's array or object of parts
_TRIES = 20  # places after which the rest of the parts may go on


@dataclass(slots=True)
class _Scan:
    """What is open at the broken place, and where the value could be closed."""

    open: list[str] = field(default_factory=list)
    cut: int = 0
    cut_open: str = ""
    part: int = -1  # where the part begins that holds the place
    beginning: str | None = None  # of the first part


def _scan(text: str, until: int) -> _Scan:
    scan = _Scan()
    for token in _TOKEN.finditer(text, 0, until):
        mark = token[0]
        if mark in _CLOSES:
            if len(scan.open) == _PART_DEPTH:
                scan.part = token.start()
                scan.beginning = scan.beginning or text[token.start() : token.start() + 2_000]
            scan.open.append(mark)
        elif mark in "}]":
            if not scan.open:
                break
            scan.open.pop()
            scan.cut, scan.cut_open = token.end(), "".join(scan.open)
        elif mark == ",":
            scan.cut, scan.cut_open = token.start(), "".join(scan.open)
    return scan


def before_damage(text: str, until: int, decoder: json.JSONDecoder) -> dict[str, Any] | None:
    """Return the object with what comes before the broken place; None when nothing does."""
    scan = _scan(text, until)
    if not scan.cut_open:
        return None
    return _decoded(text[: scan.cut] + "".join(_CLOSES[mark] for mark in reversed(scan.cut_open)), decoder)


def without_damage(text: str, until: int, decoder: json.JSONDecoder) -> dict[str, Any] | None:
    """Return the object without the part that holds the broken place; None when the parts after it cannot be found."""
    scan = _scan(text, until)
    if len(scan.open) == 1:
        return _spliced(text, scan.cut, _MEMBER, until, decoder)
    if len(scan.open) < _PART_DEPTH or scan.beginning is None:
        return None
    named = scan.open[_PART_DEPTH - 1] == "{"
    after = _named_part(text, scan) if named else _like(scan.beginning)
    if after is None:
        return None
    part = scan.part if len(scan.open) > _PART_DEPTH else until
    begins = _begins(text, part) if named else part
    return _spliced(text, begins, after, until, decoder)


def _spliced(
    text: str, begins: int, after: re.Pattern[str], until: int, decoder: json.JSONDecoder
) -> dict[str, Any] | None:
    """Return the object without what is between `begins` and a later part, if that makes it whole."""
    comma = len(text[:until].rstrip(" ,"))  # the next part may begin at the place itself
    for number, found in enumerate(after.finditer(text, max(comma, begins))):
        if number == _TRIES:
            break
        before = text[:begins].rstrip(" ,")
        joint = "" if before.endswith(("{", "[")) else ","
        if (whole := _decoded(before + joint + text[found.start("part") :], decoder)) is not None:
            return whole
    return None


_MEMBER = re.compile(r',\s*(?P<part>"[^"\\]{1,60}"\s*:)')
_KEY_BEFORE = re.compile(r'"(?:[^"\\]|\\.){0,200}"\s*:\s*$')


def _begins(text: str, part: int) -> int:
    """Return where the name of a part begins."""
    start = max(0, part - 300)
    key = _KEY_BEFORE.search(text[start:part])
    return start + key.start() if key is not None else part


def _named_part(text: str, scan: _Scan) -> re.Pattern[str] | None:
    """Return how to find a later part: by a name, and the first key of a part."""
    key = re.match(r'\{\s*"([^"\\]{1,60})"', scan.beginning or "")
    if key is None:
        return None
    return re.compile(r',\s*(?P<part>"(?:[^"\\]){1,200}"\s*:\s*\{\s*"' + re.escape(key[1]) + r'"\s*:)')


def _like(beginning: str) -> re.Pattern[str] | None:
    """Return how to find a later part: by the first two keys of a part."""
    keys = re.match(
        r'\{\s*"([^"\\]{1,60})"\s*:\s*(?:"(?:[^"\\]|\\.)*+"|[^",{}\[\]]++)\s*,\s*"([^"\\]{1,60})"', beginning
    )
    if keys is None:
        return None
    first, second = re.escape(keys[1]), re.escape(keys[2])
    value = r'(?:"(?:[^"\\]|\\.)*+"|[^",{}\[\]]++)'
    return re.compile(r",\s*(?P<part>\{\s*\"" + first + r"\"\s*:\s*" + value + r"\s*,\s*\"" + second + r"\"\s*:)")


def _decoded(text: str, decoder: json.JSONDecoder) -> dict[str, Any] | None:
    """Return the object that a text is, all of it but the end of the array around it."""
    try:
        value, end = decoder.raw_decode(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) and not text[end:].strip(" ,]") else None
