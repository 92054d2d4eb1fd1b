"""Each line of the table takes a token made after it, and leaves a name that begins alike."""

from __future__ import annotations

import random
import re
from importlib import import_module
from typing import Any

from app.memory.credentials.marked import long_runs, marked
from app.memory.credentials.scanning import WINDOW
from app.memory.redaction import redact

kinds: Any = import_module("re._constants")
parser: Any = import_module("re._parser")  # makes texts that match a pattern

_ALL = sorted({one for likely in marked().values() for one in likely}, key=lambda one: (one.kind, one.mark, one.rest))
_RANDOM = random.Random(5)


def made_up(pattern: str) -> str:
    """Return a text that a pattern of the table matches."""
    return "".join(map(_part, parser.parse(pattern)))


def _part(item: tuple[Any, Any]) -> str:
    kind, value = item
    if kind == kinds.LITERAL:
        return chr(value)
    if kind == kinds.IN:
        return _RANDOM.choice([c for c in map(chr, range(33, 127)) if re.fullmatch(_set(value), c)])
    if kind in (kinds.MAX_REPEAT, kinds.MIN_REPEAT):
        low, high, inner = value
        return "".join(_part(one) for _ in range(min(high, max(low, 1))) for one in inner)
    if kind == kinds.SUBPATTERN:
        return "".join(map(_part, value[-1]))
    if kind == kinds.BRANCH:
        return "".join(map(_part, _RANDOM.choice(value[1])))
    assert kind == kinds.ASSERT_NOT, f"{kind} is not in the table yet"
    return ""


def _set(parts: list[tuple[Any, Any]]) -> str:
    text = ""
    for kind, value in parts:
        if kind == kinds.RANGE:
            text += f"{re.escape(chr(value[0]))}-{re.escape(chr(value[1]))}"
        elif kind == kinds.CATEGORY:
            text += {kinds.CATEGORY_WORD: "A-Za-z0-9_", kinds.CATEGORY_DIGIT: "0-9"}[value]
        else:
            text += re.escape(chr(value))
    return f"[{text}]"


def test_every_line_takes_a_token_made_after_it() -> None:
    missed = []
    for one in _ALL:
        token = made_up(one.regex.pattern)
        around = redact(f"use {token} here").text
        if not re.fullmatch(r"use \[redacted: [\w-]+\] here", around):
            missed.append((one.kind, one.mark, around))

    assert missed == []
    assert len(_ALL) > 300


def test_every_mark_is_found_after_an_escape_and_in_an_address() -> None:
    token = "gh" + "p_" + made_up("[A-Za-z0-9]{36}")

    for around in ("a\\n{}", "token%3D{}", "'{}'", "/{}/", "密钥{}。"):
        assert token not in redact(around.format(token)).text, around


def test_names_that_begin_alike_stay() -> None:
    names = [f"see {one.mark}configuration-of-the-service_with_a_long_name there" for one in _ALL if one.random]

    assert [name for name in names if redact(name).kinds] == []


def test_long_runs_are_yielded_in_parts() -> None:
    runs = list(long_runs(f"short words {'a' * 20} and 密{'b' * (2 * WINDOW)}"))

    assert runs[0] == (12, 32)
    assert [begin for begin, _ in runs[1:]] == [38, 38 + WINDOW]
    assert runs[-1][1] == 38 + 2 * WINDOW
