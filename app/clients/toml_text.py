"""Changes a table in a TOML text and leaves every other character as it is.

tomlkit 0.15.2 was tried and left (November 2026): it moves tables that stand between those of a list, writes its own
line ends into a file with others, and does not read a byte order mark. So the standard library's parser does the work:
a change is made on the lines of our own table, and the result must parse to the old values with that one change.
"""

from __future__ import annotations

import copy
import json
import re
import tomllib
from collections.abc import Sequence
from typing import Any

from app.clients.jsonc_reading import BOM, NotEditable

_LIMIT_CHARACTERS = 1 << 20  # tomllib reads some 1,000,000 a second
_DOTS_LIMIT = 100  # in a key: tomllib takes the square of them
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_HEADER = re.compile(r"[ \t]*\[")


class TomlText:
    """A TOML text that can be changed. Every change returns a new one."""

    def __init__(self, text: str) -> None:
        """Read the text. Raises NotEditable with the place of the first fault."""
        self.text = text
        if len(text) > _LIMIT_CHARACTERS:
            raise NotEditable(f"it is over {_LIMIT_CHARACTERS:,} characters, which no client's TOML is")
        if any(line.partition("=")[0].count(".") > _DOTS_LIMIT for line in text.splitlines()):
            raise NotEditable("nested too deeply")
        try:
            self.value: dict[str, Any] = tomllib.loads(text.removeprefix(BOM))
            copy.deepcopy(self.value)  # dotted keys nest without recursion, and a change copies the value
        except tomllib.TOMLDecodeError as error:
            raise NotEditable(f"not valid TOML, {str(error)[:1].lower()}{str(error)[1:]}") from None
        except RecursionError:
            raise NotEditable("nested too deeply") from None
        except ValueError as error:  # a number of thousands of digits
            raise NotEditable(f"not valid TOML, {str(error)[:1].lower()}{str(error)[1:].split(';')[0]}") from None

    def get(self, path: Sequence[str]) -> Any:
        """Return the value at a path; None when there is none."""
        return _at(self.value, path)

    def put(self, path: Sequence[str], value: dict[str, Any]) -> TomlText:
        """Set the table at a path; of one that is there, only the statements that differ. Raises NotEditable."""
        wanted = _with(self.value, path, value)
        if self.get(path) is None:
            return self._checked(self._appended(path, value), wanted, path)
        lines = self._lines()
        for name in {**self.get(path), **value}:
            lines = _changed(lines, path, name, self.get((*path, name)), value.get(name), self._newline)
        return self._checked("".join(lines), wanted, path)

    def remove(self, path: Sequence[str]) -> TomlText:
        """Remove the table at a path, which must exist, with its sub-tables. Raises NotEditable."""
        lines = self._lines()
        for begin, end in reversed(_tables(lines, path)):
            while begin and not lines[begin - 1].strip(BOM + " \t\r\n"):  # the empty lines that `put` adds
                begin -= 1
            del lines[begin:end]
        return self._checked("".join(lines), _without(self.value, path), path)

    def _appended(self, path: Sequence[str], value: dict[str, Any]) -> str:
        newline, text = self._newline, self.text
        if text.strip(BOM + " \t\r\n"):
            text += ("" if text.endswith("\n") else newline) + newline
        statements = (f"{_key(name)} = {_written(one)}{newline}" for name, one in value.items())
        return f"{text}[{_dotted(path)}]{newline}{''.join(statements)}"

    def _checked(self, text: str, wanted: dict[str, Any], path: Sequence[str]) -> TomlText:
        try:
            changed = TomlText(text)
        except NotEditable:
            changed = None
        if changed is None or _without_empty(changed.value, path) != _without_empty(wanted, path):
            raise NotEditable(
                f"{path[0]} is not written as tables; write each server as [{path[0]}.NAME], then run this again"
            )
        return changed

    def _lines(self) -> list[str]:
        return re.findall(r"[^\n]*\n|[^\n]+", self.text)

    @property
    def _newline(self) -> str:
        return "\r\n" if "\r\n" in self.text else "\n"


def _changed(lines: list[str], path: Sequence[str], name: str, old: Any, new: Any, newline: str) -> list[str]:
    """Return the lines with one statement of a table set, or removed when `new` is None."""
    if old == new:
        return lines
    if isinstance(old, dict) and _tables(lines, (*path, name)):
        if new is None:
            for begin, end in reversed(_tables(lines, (*path, name))):
                lines = lines[:begin] + lines[end:]
            return lines
        for one in {**old, **new}:
            lines = _changed(lines, (*path, name), one, old.get(one), new.get(one), newline)
        return lines
    tables = _tables(lines, path, whole=False)
    if not tables:
        return lines  # the check says what is wrong
    begin, end = tables[0]
    statement = [] if new is None else [f"{_key(name)} = {_written(new)}{newline}"]
    place = _statement(lines, begin + 1, end, name)
    if place is None:
        if lines[end - 1][-1:] != "\n":
            lines = [*lines[: end - 1], lines[end - 1] + newline, *lines[end:]]
        return lines[:end] + statement + lines[end:]
    return lines[: place[0]] + statement + lines[place[1] :]


def _tables(lines: Sequence[str], path: Sequence[str], *, whole: bool = True) -> list[tuple[int, int]]:
    """Return where a table's lines begin and end; whole: those of its sub-tables too.

    A table ends with its last statement: the comments and empty lines after it belong to what follows.
    """
    found = []
    for number, line in enumerate(lines):
        if (header := _header(line)) is None or tuple(header[: len(path)]) != tuple(path):
            continue
        if not whole and len(header) > len(path):
            continue
        end = next((other for other in range(number + 1, len(lines)) if _header(lines[other]) is not None), len(lines))
        while end - 1 > number and (not lines[end - 1].strip() or lines[end - 1].lstrip().startswith("#")):
            end -= 1
        found.append((number, end))
    return found


def _header(line: str) -> list[str] | None:
    """Return the path in a line that looks like a table's header; None for another line.

    A line within a text or a list may look like one, too: the check of the result finds it.
    """
    line = line.removeprefix(BOM)
    if not _HEADER.match(line):
        return None
    try:
        value: Any = tomllib.loads(line)
    except tomllib.TOMLDecodeError:
        return None
    path = []
    while isinstance(value, dict | list) and value:
        if isinstance(value, list):  # [[a list of tables]]
            value = value[0]
            continue
        [(name, value)] = value.items()
        path.append(name)
    return path


def _statement(lines: Sequence[str], begin: int, end: int, name: str) -> tuple[int, int] | None:
    """Return where the statement that sets a name is: the fewest lines that parse."""
    at = begin
    while at < end:
        for after in range(at + 1, end + 1):
            try:
                value = tomllib.loads("".join(lines[at:after]))
            except tomllib.TOMLDecodeError:
                continue
            if list(value) == [name]:
                return at, after
            at = after
            break
        else:
            return None
    return None


def _written(value: Any) -> str:
    """Return a value on one line."""
    if isinstance(value, dict):
        members = ", ".join(f"{_key(name)} = {_written(one)}" for name, one in value.items())
        return f"{{ {members} }}" if value else "{}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_written, value)) + "]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return str(value).lower() if isinstance(value, bool) else str(value)


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _written(name)


def _dotted(path: Sequence[str]) -> str:
    return ".".join(map(_key, path))


def _at(value: Any, path: Sequence[str]) -> Any:
    for step in path:
        if not isinstance(value, dict) or step not in value:
            return None
        value = value[step]
    return value


def _with(value: dict[str, Any], path: Sequence[str], new: Any) -> dict[str, Any]:
    value = copy.deepcopy(value)
    inner = value
    for step in path[:-1]:
        inner = inner.setdefault(step, {})
        if not isinstance(inner, dict):
            raise NotEditable(f"{step} is not a table")
    inner[path[-1]] = new
    return value


def _without(value: dict[str, Any], path: Sequence[str]) -> dict[str, Any]:
    value = copy.deepcopy(value)
    del _at(value, path[:-1])[path[-1]]
    return value


def _without_empty(value: dict[str, Any], path: Sequence[str]) -> dict[str, Any]:
    """Return the values; the table around ours may be there, empty, or not."""
    return {name: one for name, one in value.items() if name != path[0] or one != {}}
