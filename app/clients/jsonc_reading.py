"""Reads a JSON text, with or without comments, and finds where every value in it is.

No Python library does this (checked in November 2026). Of the round-trip parsers, json-five 1.1.2 keeps comments, but
its last release is of June 2024, it accepts all of JSON5 (single quotes, bare names), which our clients reject, and new
members must be built from syntax nodes by hand; json5kit stopped in 2023; jsonc-document needs Python 3.12 and only
reads; jsonc-edit starts Node and installs an npm package. tree-sitter-json is maintained, but rejects a trailing comma
and accepts a control character. json5, json-with-comments and jsonyx read comments and lose them.

So the standard library's parser does the work. Comments and trailing commas are replaced with spaces, which keeps all
offsets. `json` then parses the text as strictly as JSON asks, and `raw_decode` finds where each member begins and ends.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from app.errors import MemoryServerError

Step = str | int  # a member's name or a list's index
Steps = Sequence[Step]

BOM = "\ufeff"
_STRING = r'"(?:[^"\\\r\n]|\\.)*+"'  # possessive: a long text takes no memory
# A comment that is not closed matches, too, and stays: else each `/*` would be looked for an end again.
_COMMENT = re.compile(rf"{_STRING}|//[^\r\n]*|/\*(?:.*?\*/|.*)", re.DOTALL)
_TRAILING = re.compile(rf"{_STRING}|[\[{{,][ \t\r\n]*,|,(?=[ \t\r\n]*[\]}}])")
_CONTAINERS_LIMIT = 200_000  # each takes up to 200 bytes, twice while a change is made
_NOT_NEWLINE = re.compile(r"[^\r\n]")
_SPACE = re.compile(r"[ \t\r\n]*")
_REST_OF_LINE = re.compile(r"(?:[ \t]*/\*[^\r\n]*?\*/)*(?:[ \t]*//[^\r\n]*)?")


class NotEditable(MemoryServerError):
    """The text is not what it should be; it is left unchanged."""

    code = "configuration_not_editable"
    status = 409


@dataclass(frozen=True, slots=True)
class Item:
    """One member of an object or one element of a list: text[begin:end], its value from `value` on."""

    name: str | None
    begin: int
    value: int
    end: int


@dataclass(frozen=True, slots=True)
class Container:
    """An object or a list: text[opening] is its bracket, text[closing] the other one."""

    opening: int
    closing: int
    items: tuple[Item, ...]


class JsonText:
    """A JSON text that was read; offsets are those of the given text."""

    def __init__(self, text: str, *, comments: bool) -> None:
        """Read the text. Raises NotEditable with the line of the first fault."""
        if text.count("[") + text.count("{") > _CONTAINERS_LIMIT:
            raise NotEditable(f"it has over {_CONTAINERS_LIMIT:,} brackets, which no client's configuration has")
        self.text, self.comments = text, comments
        self.byte_order_mark = len(text) - len(text.removeprefix(BOM))
        blank = " " * self.byte_order_mark + text.removeprefix(BOM)
        self.bare = _blank(_COMMENT, blank) if comments else blank  # without comments
        self.plain = _blank(_TRAILING, self.bare) if comments else self.bare  # and without trailing commas
        self.value = _parse(self.plain, text, comments)

    def get(self, path: Steps) -> Any:
        """Return the value at a path; None when there is none."""
        value = self.value
        for step in path:
            try:
                value = value[step]
            except (KeyError, IndexError, TypeError):
                return None
        return value

    def descend(self, path: Steps) -> tuple[int, int]:
        """Return where the value of the last step that exists begins, and how many steps lead to it.

        A null has no members: clients write it where they have no servers.
        """
        at = self.skip(0)
        for depth, step in enumerate(path):
            if self.is_null(at):
                return at, depth
            item = self.find(at, step, path[:depth])
            if item is None:
                return at, depth
            at = item.value
        return at, len(path)

    def is_null(self, at: int) -> bool:
        """Whether the value at an offset is null."""
        return self.plain.startswith("null", at)

    def find(self, at: int, step: Step, path: Steps) -> Item | None:
        """Return an item of the container at an offset. Raises NotEditable, which names `path`, if it is none."""
        if self.plain[at] != ("[" if isinstance(step, int) else "{"):
            self.refuse(at, path, "a list" if isinstance(step, int) else "an object")
        items = self.container(at).items
        if isinstance(step, int):
            return items[step] if step < len(items) else None
        matches = [item for item in items if item.name == step]
        if len(matches) > 1:
            raise NotEditable(f"{_dotted([*path, step])} is there {len(matches)} times; leave one of them")
        return matches[0] if matches else None

    def container(self, at: int) -> Container:
        decode = json.JSONDecoder().raw_decode
        named, opening, items = self.plain[at] == "{", at, []
        at = self.skip(at + 1)
        while self.plain[at] not in "}]":
            begin, name = at, None
            if named:
                name, at = decode(self.plain, at)
                at = self.skip(self.skip(at) + 1)  # over the colon
            _, end = decode(self.plain, at)
            items.append(Item(name, begin, at, end))
            at = self.skip(end)
            if self.plain[at] == ",":
                at = self.skip(at + 1)
        return Container(opening, at, tuple(items))

    def skip(self, at: int) -> int:
        match = _SPACE.match(self.plain, at)
        assert match is not None  # matches nothing, too
        return match.end()

    def comma_after(self, at: int) -> int | None:
        """Return where the comma after an item's end is, a trailing one too; None when there is none."""
        match = _SPACE.match(self.bare, at)
        assert match is not None
        return match.end() if self.bare[match.end()] == "," else None

    def end_of_remark(self, at: int) -> int:
        """Return the end of the comments that follow on the same line: they belong to what precedes them."""
        match = _REST_OF_LINE.match(self.text, at) if self.comments else None
        return match.end() if match else at

    def refuse(self, at: int, path: Steps, wanted: str) -> NoReturn:
        actual = {"{": "an object", "[": "a list", '"': "a text"}.get(self.plain[at], "a plain value")
        raise NotEditable(f"{_dotted(path)} is {actual}, not {wanted}")


def _blank(pattern: re.Pattern[str], text: str) -> str:
    """Replace every match that is a comment, or a comma right before a closing bracket, by as many spaces."""

    def blank(match: re.Match[str]) -> str:
        text = match[0]
        comment = text.startswith("//") or (text.startswith("/*") and text.endswith("*/") and text != "/*/")
        return _NOT_NEWLINE.sub(" ", text) if text == "," or comment else text

    return pattern.sub(blank, text)


def runs_to_the_end_of_its_line(remark: str) -> bool:
    """Whether comments end in one with `//`."""
    return any(comment[0].startswith("//") for comment in _COMMENT.finditer(remark))


def _parse(plain: str, text: str, comments: bool) -> Any:
    """Parse strictly. Raises NotEditable, which names the line, and says when a comment is the fault."""
    try:
        return json.loads(plain, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}: {error.msg[:1].lower()}{error.msg[1:]}"
        if not comments and _reads_with_comments(text):
            raise NotEditable(f"comments or trailing commas, which this client does not read ({where})") from None
        raise NotEditable(f"not valid JSON, {where}") from None
    except RecursionError:
        raise NotEditable("nested too deeply") from None
    except ValueError as error:  # NaN, or a number of thousands of digits
        raise NotEditable(f"not valid JSON, {str(error).split(';')[0]}") from None


def _reads_with_comments(text: str) -> bool:
    try:
        JsonText(text, comments=True)
    except NotEditable:
        return False
    return True


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def _dotted(path: Steps) -> str:
    return ".".join(str(step) for step in path) or "the whole file"
