"""Reads the lines of YAML that Markdown notes begin with, as far as notes use them: names with texts and lists.

Not with PyYAML, though it comes with the app: it refuses the heads of many notes. Models and people write them by
hand, and what they write is often no YAML: `title: Tea: how to`, `description: [draft] of a plan`, `name: @ada`. It
also takes `tags: #tea` for a comment. Here a line is what it looks like, and nothing refers to anything else (`&`,
`*`), so a head costs no more than its length.
"""

from __future__ import annotations

import re

LIMIT_BYTES = 4 << 20  # a note is a page; what is longer is none

Head = dict[str, str | list[str]]

_FENCE = re.compile(r"---[ \t]*\r?\n(.*?)^---[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE)
_FIELD = re.compile(r"(\s*)([A-Za-z_][\w-]*)\s*:(?:\s+(.*?))?\s*")
_ITEM = re.compile(r"\s*-\s+(.*?)\s*")
_BLOCK = re.compile(r"[|>][-+0-9]{0,2}")  # the text follows in lines of its own: kept, or joined with blanks
_JOINTS = {"|": "\n", ">": " "}


def parted(text: str) -> tuple[Head, str]:
    """Return the head and the body of a note. A field of a field has no dot before it: its name is its own."""
    fence = _FENCE.match(text)
    if fence is None:
        return {}, text
    head: Head = {}
    name, items, block = "", list[str](), ""
    for line in fence[1].splitlines():
        if block and (not line.strip() or line[0] in " \t"):
            items.append(line.strip())
        elif (item := _ITEM.fullmatch(line)) is not None and name:
            items.append(_plain(item[1]))
            head[name] = items
        elif (field := _FIELD.fullmatch(line)) is not None:
            _end_block(head, name, items, block)
            name, given = field[2], field[3] or ""
            block = given[0] if _BLOCK.fullmatch(given) else ""
            value = "" if block else _value(given)
            head[name], items = value, value if isinstance(value, list) else []
    _end_block(head, name, items, block)
    return head, text[fence.end() :]


def _end_block(head: Head, name: str, items: list[str], block: str) -> None:
    if block:
        head[name] = _JOINTS[block].join(items).strip()


def one(head: Head, name: str) -> str:
    """Return a field as one text; '' when it is missing."""
    value = head.get(name, "")
    return value if isinstance(value, str) else ", ".join(value)


def several(head: Head, name: str) -> list[str]:
    """Return a field as a list: a list, or texts with commas between them."""
    value = head.get(name, "")
    texts = value.split(",") if isinstance(value, str) else value
    return [text for text in (text.strip().lstrip("#") for text in texts) if text]


def _value(text: str) -> str | list[str]:
    if text.startswith("[") and text.endswith("]"):
        return [_plain(part) for part in text[1:-1].split(",") if part.strip()]
    return _plain(text)


def _plain(text: str) -> str:
    text = text.strip()
    quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "\"'"
    return text[1:-1] if quoted else text
