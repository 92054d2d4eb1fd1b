"""Changes one value in a JSON text, with or without comments, and leaves every other character as it is.

`JsonText` knows where every value is. This module splices new text in at those offsets, formatted like the rest.
"""

from __future__ import annotations

import json
import re
from typing import Any

from app.clients.jsonc_reading import Container, JsonText, Steps, runs_to_the_end_of_its_line

_NEWLINE = re.compile(r"\r\n|\n|\r")
_INDENT = re.compile(r'[\r\n]([ \t]+)["\[{]')


class Document(JsonText):
    """A JSON text that can be changed. Every change returns a new document."""

    def put(self, path: Steps, value: Any) -> Document:
        """Set the member at a path, creating missing objects. Raises NotEditable when a step is no object."""
        at, depth = self.descend(path)
        if depth < len(path) and not self.is_null(at):
            return self._append(at, str(path[depth]), _nested(path[depth + 1 :], value))
        return self._replace(at, _nested(path[depth:], value))

    def append(self, path: Steps, value: Any) -> Document:
        """Add to the end of the list at a path, creating it and missing objects. Raises NotEditable as `put`."""
        at, depth = self.descend(path)
        if self.is_null(at):
            return self._replace(at, _nested(path[depth:], [value]))
        if depth < len(path):
            return self._append(at, str(path[depth]), _nested(path[depth + 1 :], [value]))
        if self.plain[at] != "[":
            self.refuse(at, path, "a list")
        return self._append(at, None, value)

    def remove(self, path: Steps) -> Document:
        """Remove the member or element at a path, which must exist."""
        at, _ = self.descend(path[:-1])
        container = self.container(at)
        item = self.find(at, path[-1], path[:-1])
        assert item is not None, path
        return self._cut(container, container.items.index(item))

    def _append(self, at: int, name: str | None, value: Any) -> Document:
        container = self.container(at)
        if not container.items:
            return self._fill(container, name, value)
        last = container.items[-1]
        comma = self.comma_after(last.end)
        place = self.end_of_remark(last.end if comma is None else comma + 1)
        head = self.text[last.end : place]
        first = container.items[0].begin
        if _NEWLINE.search(self.text, container.opening, first):
            indent = self._indent(first)
            new = self._newline + indent + self._written(name, value, indent)
        elif runs_to_the_end_of_its_line(head):  # on the same line, the new item would become part of the comment
            new = self._newline + self._written(name, value, None)
        else:
            new = self._gap(container) + self._written(name, value, None)
        if comma is None:
            return self._with(last.end, place, "," + head + new)
        return self._with(place, place, new + ",")

    def _fill(self, container: Container, name: str | None, value: Any) -> Document:
        """Put the first item into an empty container."""
        if not self._many_lines:
            return self._with(container.opening + 1, container.opening + 1, self._written(name, value, None))
        outer = self._indent(container.opening)
        inner = outer + self._unit
        place = self.end_of_remark(container.opening + 1)
        new = self._newline + inner + self._written(name, value, inner)
        if not _NEWLINE.search(self.text, place, container.closing):
            new += self._newline + outer
        return self._with(place, place, new)

    def _replace(self, at: int, value: Any) -> Document:
        _, end = json.JSONDecoder().raw_decode(self.plain, at)
        old = self.text[at:end]
        in_lines = _NEWLINE.search(old) or old in ("{}", "[]") or (old == "null" and self._many_lines)
        indent = self._indent(at) if in_lines else None
        return self._with(at, end, self._written(None, value, indent))

    def _cut(self, container: Container, index: int) -> Document:
        """Remove an item with its line and one comma; it undoes `_append` to the character."""
        item = container.items[index]
        before = self.comma_after(container.items[index - 1].end) if index else None
        after = self.comma_after(item.end)
        line = container.opening + 1 if before is None else before + 1
        begin = self.end_of_remark(line)
        end = item.end if after is None else after + 1
        alone = _NEWLINE.search(self.text, begin, item.begin) is not None
        follows = self._blanks(self.end_of_remark(end))
        swallowed = runs_to_the_end_of_its_line(self.text[line:begin]) and not _NEWLINE.match(self.text, follows)
        if swallowed or (before is None and not alone):
            begin, end = item.begin, end if after is None else self._blanks(end)
        text = self.text[:begin] + self.text[end:]
        if before is not None and after is None:
            text = text[:before] + text[before + 1 :]
        return Document(text, comments=self.comments)

    def _blanks(self, at: int) -> int:
        """Return where the blanks that begin at an offset end."""
        while self.text[at : at + 1] in (" ", "\t"):
            at += 1
        return at

    def _with(self, begin: int, end: int, new: str) -> Document:
        return Document(self.text[:begin] + new + self.text[end:], comments=self.comments)

    @property
    def _newline(self) -> str:
        match = _NEWLINE.search(self.text)
        return match[0] if match else "\n"

    @property
    def _unit(self) -> str:
        match = _INDENT.search(self.bare)
        return match[1] if match else "  "

    @property
    def _many_lines(self) -> bool:
        """Whether items go on their own lines: the text has several lines, or is empty."""
        body = self.bare.strip()
        return bool(_NEWLINE.search(body)) or not self.value

    def _indent(self, at: int) -> str:
        """Return the blanks at the beginning of the line of an offset."""
        start = max(self.text.rfind("\n", 0, at), self.text.rfind("\r", 0, at), self.byte_order_mark - 1) + 1
        return self.text[start : self._blanks(start)]

    def _gap(self, container: Container) -> str:
        """Return what follows a comma when the items share a line."""
        if len(container.items) > 1:
            first, second = container.items[:2]
            comma = self.comma_after(first.end)
            assert comma is not None
            return " " if self.text[comma + 1 : second.begin] else ""
        return "" if self._tight else " "

    @property
    def _tight(self) -> bool:
        """Whether the text is written without blanks."""
        return re.search(r'":[ \t]', self.bare) is None and bool(self.value)

    def _written(self, name: str | None, value: Any, indent: str | None) -> str:
        """Return an item formatted as this text is; indent None: on one line."""
        if indent is None:
            separators = (",", ":") if self._tight else (", ", ": ")
            written = json.dumps(value, ensure_ascii=False, separators=separators)
            return written if name is None else json.dumps(name, ensure_ascii=False) + separators[1] + written
        written = json.dumps(value, ensure_ascii=False, indent=self._unit).replace("\n", self._newline + indent)
        return written if name is None else f"{json.dumps(name, ensure_ascii=False)}: {written}"


def _nested(path: Steps, value: Any) -> Any:
    for step in reversed(path):
        value = {step: value}
    return value
