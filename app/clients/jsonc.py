"""Changes one value in a JSON text, with or without comments, and leaves every other character as it is.

No library does this in Python (looked at in November 2026). Round-trip parsers: json-five 1.1.2 keeps comments, but
its last release is of June 2024, it takes all of JSON5 (single quotes, bare names) that our clients refuse, and new
members are built from syntax nodes by hand; json5kit stopped in 2023; jsonc-document needs Python 3.12 and only reads;
jsonc-edit starts Node and installs an npm package. tree-sitter-json is well kept, but calls a trailing comma an error
and a control character none. json5, json-with-comments and jsonyx read and lose the comments.

So the standard library's parser does the work. Comments and trailing commas are blanked with spaces, which keeps all
offsets; `json` then judges the text as strictly as JSON is, and steps over the values (`raw_decode`) to find where
each member begins and ends. What is left to do here is to splice text between those offsets.
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
_STRING = r'"(?:[^"\\\r\n]|\\.)*"'
_COMMENT = re.compile(rf"{_STRING}|//[^\r\n]*|/\*.*?\*/", re.DOTALL)
_TRAILING = re.compile(rf"{_STRING}|[\[{{,][ \t\r\n]*,|,(?=[ \t\r\n]*[\]}}])")
_NOT_NEWLINE = re.compile(r"[^\r\n]")
_SPACE = re.compile(r"[ \t\r\n]*")
_REST_OF_LINE = re.compile(r"(?:[ \t]*/\*[^\r\n]*?\*/)*(?:[ \t]*//[^\r\n]*)?")
_NEWLINE = re.compile(r"\r\n|\n|\r")
_INDENT = re.compile(r'[\r\n]([ \t]+)["\[{]')


class NotEditable(MemoryServerError):
    """The text is not what it should be; nothing of it is changed."""

    code = "configuration_not_editable"
    status = 409


@dataclass(frozen=True, slots=True)
class _Item:
    """One member of an object or one element of a list: text[begin:end], its value from `value` on."""

    name: str | None
    begin: int
    value: int
    end: int


@dataclass(frozen=True, slots=True)
class _Container:
    """An object or a list: text[opening] is its bracket, text[closing] the other one."""

    opening: int
    closing: int
    items: tuple[_Item, ...]


class Document:
    """A JSON text. Every change gives a new document."""

    def __init__(self, text: str, *, comments: bool) -> None:
        """Read it. Raises NotEditable with the place of the first fault."""
        self.text, self._comments = text, comments
        self._byte_order_mark = len(text) - len(text.removeprefix(BOM))
        blank = " " * self._byte_order_mark + text.removeprefix(BOM)
        self._bare = _blank(_COMMENT, blank) if comments else blank  # without comments
        self._plain = _blank(_TRAILING, self._bare) if comments else self._bare  # and without trailing commas
        self.value = _parse(self._plain, text, comments)

    def get(self, path: Steps) -> Any:
        """Return the value at a path, None where there is none."""
        value = self.value
        for step in path:
            try:
                value = value[step]
            except (KeyError, IndexError, TypeError):
                return None
        return value

    def put(self, path: Steps, value: Any) -> Document:
        """Set the member at a path, making the objects on the way. Raises NotEditable when one is something else."""
        at, depth = self._descend(path)
        if depth < len(path):
            return self._append(at, str(path[depth]), _nested(path[depth + 1 :], value))
        return self._replace(at, value)

    def append(self, path: Steps, value: Any) -> Document:
        """Add to the end of the list at a path, making it and the objects on the way. Raises NotEditable as `put`."""
        at, depth = self._descend(path)
        if depth < len(path):
            return self._append(at, str(path[depth]), _nested(path[depth + 1 :], [value]))
        if self._plain[at] != "[":
            self._refuse(at, path, "a list")
        return self._append(at, None, value)

    def remove(self, path: Steps) -> Document:
        """Take away the member or element at a path, which must be there."""
        at, _ = self._descend(path[:-1])
        container = self._container(at)
        item = self._find(at, path[-1], path[:-1])
        assert item is not None, path
        return self._cut(container, container.items.index(item))

    # Reading ------------------------------------------------------------------------------

    def _descend(self, path: Steps) -> tuple[int, int]:
        """Return where the value of the last step that is there begins, and how many steps lead to it."""
        at = self._skip(0)
        for depth, step in enumerate(path):
            item = self._find(at, step, path[:depth])
            if item is None:
                return at, depth
            at = item.value
        return at, len(path)

    def _find(self, at: int, step: Step, path: Steps) -> _Item | None:
        """Return the item of the container at an offset; `path` leads there and is told when it is no container."""
        if self._plain[at] != ("[" if isinstance(step, int) else "{"):
            self._refuse(at, path, "a list" if isinstance(step, int) else "an object")
        items = self._container(at).items
        if isinstance(step, int):
            return items[step] if step < len(items) else None
        found = [item for item in items if item.name == step]
        if len(found) > 1:
            raise NotEditable(f"{_told([*path, step])} stands there {len(found)} times; leave one of them")
        return found[0] if found else None

    def _container(self, at: int) -> _Container:
        decode = json.JSONDecoder().raw_decode
        named, opening, items = self._plain[at] == "{", at, []
        at = self._skip(at + 1)
        while self._plain[at] not in "}]":
            begin, name = at, None
            if named:
                name, at = decode(self._plain, at)
                at = self._skip(self._skip(at) + 1)  # over the colon
            _, end = decode(self._plain, at)
            items.append(_Item(name, begin, at, end))
            at = self._skip(end)
            if self._plain[at] == ",":
                at = self._skip(at + 1)
        return _Container(opening, at, tuple(items))

    def _skip(self, at: int) -> int:
        match = _SPACE.match(self._plain, at)
        assert match is not None  # matches nothing, too
        return match.end()

    def _comma_after(self, at: int) -> int | None:
        """Return where the comma behind an item's end stands, a trailing one too."""
        match = _SPACE.match(self._bare, at)
        assert match is not None
        return match.end() if self._bare[match.end()] == "," else None

    def _end_of_remark(self, at: int) -> int:
        """Return the end of the comments that follow on the same line: they belong to what stands before them."""
        match = _REST_OF_LINE.match(self.text, at) if self._comments else None
        return match.end() if match else at

    # Changing -----------------------------------------------------------------------------

    def _append(self, at: int, name: str | None, value: Any) -> Document:
        container = self._container(at)
        if not container.items:
            return self._fill(container, name, value)
        last = container.items[-1]
        comma = self._comma_after(last.end)
        place = self._end_of_remark(last.end if comma is None else comma + 1)
        head = self.text[last.end : place]
        first = container.items[0].begin
        if _NEWLINE.search(self.text, container.opening, first):
            indent = self._indent(first)
            new = self._newline + indent + self._written(name, value, indent)
        elif _runs_to_the_end_of_its_line(head):  # what came behind it would become a part of it
            new = self._newline + self._written(name, value, None)
        else:
            new = self._gap(container) + self._written(name, value, None)
        if comma is None:
            return self._with(last.end, place, "," + head + new)
        return self._with(place, place, new + ",")

    def _fill(self, container: _Container, name: str | None, value: Any) -> Document:
        """Put the first item into an empty container."""
        if not self._many_lines:
            return self._with(container.opening + 1, container.opening + 1, self._written(name, value, None))
        outer = self._indent(container.opening)
        inner = outer + self._unit
        place = self._end_of_remark(container.opening + 1)
        new = self._newline + inner + self._written(name, value, inner)
        if not _NEWLINE.search(self.text, place, container.closing):
            new += self._newline + outer
        return self._with(place, place, new)

    def _replace(self, at: int, value: Any) -> Document:
        _, end = json.JSONDecoder().raw_decode(self._plain, at)
        old = self.text[at:end]
        indent = self._indent(at) if _NEWLINE.search(old) or old in ("{}", "[]") else None
        return self._with(at, end, self._written(None, value, indent))

    def _cut(self, container: _Container, index: int) -> Document:
        """Take out an item with its line and one comma; what `_append` put in, `_cut` takes out to the character."""
        item = container.items[index]
        before = self._comma_after(container.items[index - 1].end) if index else None
        after = self._comma_after(item.end)
        line = container.opening + 1 if before is None else before + 1
        begin = self._end_of_remark(line)
        end = item.end if after is None else after + 1
        alone = _NEWLINE.search(self.text, begin, item.begin) is not None
        follows = self._blanks(self._end_of_remark(end))
        swallowed = _runs_to_the_end_of_its_line(self.text[line:begin]) and not _NEWLINE.match(self.text, follows)
        if swallowed or (before is None and not alone):
            begin, end = item.begin, end if after is None else self._blanks(end)
        text = self.text[:begin] + self.text[end:]
        if before is not None and after is None:
            text = text[:before] + text[before + 1 :]
        return Document(text, comments=self._comments)

    def _blanks(self, at: int) -> int:
        """Return the end of the blanks from an offset on."""
        while self.text[at : at + 1] in (" ", "\t"):
            at += 1
        return at

    def _with(self, begin: int, end: int, new: str) -> Document:
        return Document(self.text[:begin] + new + self.text[end:], comments=self._comments)

    # Its own way of writing ---------------------------------------------------------------

    @property
    def _newline(self) -> str:
        match = _NEWLINE.search(self.text)
        return match[0] if match else "\n"

    @property
    def _unit(self) -> str:
        match = _INDENT.search(self._bare)
        return match[1] if match else "  "

    @property
    def _many_lines(self) -> bool:
        """Whether a new line may begin: there is one already, or nothing to see how it is written."""
        body = self._bare.strip()
        return bool(_NEWLINE.search(body)) or not self.value

    def _indent(self, at: int) -> str:
        """Return the blanks that begin the line of an offset."""
        start = max(self.text.rfind("\n", 0, at), self.text.rfind("\r", 0, at), self._byte_order_mark - 1) + 1
        return self.text[start : self._blanks(start)]

    def _gap(self, container: _Container) -> str:
        """Return what stands behind a comma when the items share a line."""
        if len(container.items) > 1:
            first, second = container.items[:2]
            comma = self._comma_after(first.end)
            assert comma is not None
            return " " if self.text[comma + 1 : second.begin] else ""
        return "" if self._tight else " "

    @property
    def _tight(self) -> bool:
        """Whether the text is written without blanks."""
        return re.search(r'":[ \t]', self._bare) is None and bool(self.value)

    def _written(self, name: str | None, value: Any, indent: str | None) -> str:
        """Return an item as it stands in this text; indent None: on one line."""
        if indent is None:
            separators = (",", ":") if self._tight else (", ", ": ")
            written = json.dumps(value, ensure_ascii=False, separators=separators)
            return written if name is None else json.dumps(name, ensure_ascii=False) + separators[1] + written
        written = json.dumps(value, ensure_ascii=False, indent=self._unit).replace("\n", self._newline + indent)
        return written if name is None else f"{json.dumps(name, ensure_ascii=False)}: {written}"

    def _refuse(self, at: int, path: Steps, wanted: str) -> NoReturn:
        found = {"{": "an object", "[": "a list", '"': "a text"}.get(self._plain[at], "a plain value")
        raise NotEditable(f"{_told(path)} is {found}, not {wanted}")


def _blank(pattern: re.Pattern[str], text: str) -> str:
    """Replace every match that is a comment, or a comma right before a closing bracket, by as many spaces."""

    def blank(match: re.Match[str]) -> str:
        found = match[0]
        return _NOT_NEWLINE.sub(" ", found) if found == "," or found[0] == "/" else found

    return pattern.sub(blank, text)


def _runs_to_the_end_of_its_line(remark: str) -> bool:
    """Whether comments end in one with `//`."""
    return any(found[0].startswith("//") for found in _COMMENT.finditer(remark))


def _parse(plain: str, text: str, comments: bool) -> Any:
    """Parse strictly. Raises NotEditable, which names the line, and says so when a comment is the fault."""
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
        Document(text, comments=True)
    except NotEditable:
        return False
    return True


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _nested(path: Steps, value: Any) -> Any:
    for step in reversed(path):
        value = {step: value}
    return value


def _told(path: Steps) -> str:
    return ".".join(str(step) for step in path) or "the whole file"
