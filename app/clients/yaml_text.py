"""Changes a mapping in a YAML text and leaves every other character as it is.

ruamel.yaml keeps comments, but writes the whole file anew, with its own line breaks, quotes and indents. PyYAML says
where each value begins and ends; new text is put in there, and the result must parse to the old values with that one
change.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Sequence
from typing import Any

import yaml

from app.clients.jsonc_reading import BOM, NotEditable

_LIMIT_CHARACTERS = 64 << 10  # PyYAML reads some 50,000 a second, and a change is read three times
_PARTS_LIMIT = 100_000  # what a file may have with each alias written out: nine lines can mean a billion
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_WORDS = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null"))


class YamlText:
    """A YAML text that can be changed. Every change returns a new one."""

    def __init__(self, text: str) -> None:
        """Read the text. Raises NotEditable with the place of the first fault."""
        self.text = text
        self._mark = len(text) - len(text.removeprefix(BOM))
        body = text[self._mark :]
        if len(body) > _LIMIT_CHARACTERS:
            raise NotEditable(f"it is over {_LIMIT_CHARACTERS:,} characters, which no client's YAML is")
        try:
            self._root: yaml.Node | None = yaml.compose(body, Loader=yaml.SafeLoader)
            if _parts(self._root, {}) > _PARTS_LIMIT:
                raise NotEditable("its aliases (*name) mean more values than can be held; write them out")
            self.value: Any = yaml.safe_load(body)
        except yaml.MarkedYAMLError as error:
            where = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
            raise NotEditable(f"not valid YAML, {where}{error.problem}") from None
        except RecursionError:
            raise NotEditable("nested too deeply") from None
        except (yaml.YAMLError, ValueError):  # a character that may not be there, a date that is none
            raise NotEditable("not valid YAML") from None
        if self._root is not None and not isinstance(self._root, yaml.MappingNode) and self.value is not None:
            raise NotEditable("the whole file is not a mapping")

    def get(self, path: Sequence[str]) -> Any:
        """Return the value at a path; None when there is none."""
        value = self.value
        for step in path:
            if not isinstance(value, dict) or step not in value:
                return None
            value = value[step]
        return value

    def put(self, path: Sequence[str], value: Any) -> YamlText:
        """Set the value at a path; of a mapping that is there, only what differs. Raises NotEditable."""
        current = self.get(path)
        if isinstance(current, dict) and isinstance(value, dict) and current:
            document = self
            for name in {**current, **value}:
                step = (*path, name)
                if name not in value:
                    document = document.remove(step)
                elif value[name] != current.get(name):
                    document = document.put(step, value[name])
            return document
        return self._checked(self._put(path, value), _with(self.value, path, value), path)

    def remove(self, path: Sequence[str]) -> YamlText:
        """Remove the value at a path, which must exist. Raises NotEditable."""
        wanted = copy.deepcopy(self.value)
        inner = wanted
        for step in path[:-1]:
            inner = inner[step]
        del inner[path[-1]]
        return self._checked(self._cut(path), wanted, path)

    def _put(self, path: Sequence[str], value: Any) -> str:
        node, depth = self._root, 0
        if not isinstance(node, yaml.MappingNode):  # nothing, or comments alone
            head = self.text + ("" if not self.text.strip(BOM) or self.text.endswith("\n") else self._newline)
            return head + self._block(path, value, 0)
        item: tuple[yaml.Node, yaml.Node] | None = None
        while depth < len(path) and isinstance(node, yaml.MappingNode):
            found = _item(node, path[depth])
            if found is None:
                return self._added(node, path[depth:], value, item)
            item, node, depth = found, found[1], depth + 1
        assert item is not None
        return self._replaced(item, path[depth:], value)

    def _added(
        self, node: yaml.MappingNode, path: Sequence[str], value: Any, item: tuple[yaml.Node, yaml.Node] | None
    ) -> str:
        """Add to a mapping. item: the key and value that the mapping is; None for the whole file."""
        if not node.value:
            return self._replaced(item, path, value) if item is not None else self.text
        if node.flow_style:
            end = self._index(node.value[-1][1].end_mark)
            return f"{self.text[:end]}, {_flow({path[0]: _nested(path[1:], value)})[1:-1]}{self.text[end:]}"
        end = self._end_of_line(_last(node.value[-1][1], node.value[-1][0]))
        head = self.text[:end] + ("" if self.text[:end].endswith("\n") else self._newline)
        return head + self._block(path, value, node.value[0][0].start_mark.column) + self.text[end:]

    def _replaced(self, item: tuple[yaml.Node, yaml.Node], path: Sequence[str], value: Any) -> str:
        """Replace a value that is not a mapping, or is empty; path: what leads from it to the new value."""
        key, old = item
        begin, end = self._index(key.end_mark), self._index(old.end_mark)
        colon = self.text.index(":", begin) + 1
        if path and _is_empty(old) and "\n" not in self.text[colon:end]:
            rest = self._end_of_line(old.end_mark.index if end > colon else key.end_mark.index)
            tail = self.text[max(end, colon) : rest].rstrip("\r\n")
            indent = key.start_mark.column + self._step
            return (
                self.text[:colon] + tail.rstrip() + self._newline + self._block(path, value, indent) + self.text[rest:]
            )
        if path:
            raise NotEditable(f"{key.value} is not a mapping")
        return f"{self.text[:colon]} {_flow(value)}{self.text[_last(old, key) + self._mark :]}"

    def _cut(self, path: Sequence[str]) -> str:
        node: Any = self._root
        item: tuple[yaml.Node, yaml.Node] | None = None
        for step in path[:-1]:
            item = _item(node, step)
            assert item is not None
            node = item[1]
        found = _item(node, path[-1])
        assert found is not None
        if node.flow_style:
            return self._cut_flow(node, found)
        if len(node.value) == 1 and item is not None:  # an empty mapping is not nothing
            end = self._end_of_line(_last(found[1], found[0]))
            colon = self.text.index(":", self._index(item[0].end_mark)) + 1
            line = self._end_of_line(item[0].end_mark.index)
            return f"{self.text[:colon]} {{}}{self.text[colon:line]}{self.text[end:]}"
        begin, end = self._index(found[0].start_mark), self._end_of_line(_last(found[1], found[0]))
        return self.text[: self.text.rfind("\n", 0, begin) + 1 or self._mark] + self.text[end:]

    def _cut_flow(self, node: yaml.MappingNode, found: tuple[yaml.Node, yaml.Node]) -> str:
        number = node.value.index(found)
        begin, end = self._index(found[0].start_mark), self._index(found[1].end_mark)
        if number + 1 < len(node.value):
            end = self._index(node.value[number + 1][0].start_mark)
        elif number:
            begin = self._index(node.value[number - 1][1].end_mark)
        return self.text[:begin] + self.text[end:]

    def _checked(self, text: str, wanted: Any, path: Sequence[str]) -> YamlText:
        try:
            changed = YamlText(text)
        except NotEditable:
            changed = None
        if changed is None or changed.value != wanted:
            raise NotEditable(f"{path[0]} is written in a way that cannot be changed safely; add the server by hand")
        return changed

    def _block(self, path: Sequence[str], value: Any, indent: int) -> str:
        """Return a value as lines of block style; what is within its members is in flow style."""
        lines = []
        for step in path:
            lines.append(f"{' ' * indent}{_name(step)}:")
            indent += self._step
        if isinstance(value, dict) and value:
            lines += [f"{' ' * indent}{_name(name)}: {_flow(one)}" for name, one in value.items()]
        else:
            lines[-1] += f" {_flow(value)}"
        return "".join(f"{line}{self._newline}" for line in lines)

    @property
    def _step(self) -> int:
        match = re.search(r"^[^\s#-][^\n]*:[ \t]*\r?\n( +)[^\s#-]", self.text, re.MULTILINE)
        return len(match[1]) if match else 2

    @property
    def _newline(self) -> str:
        return "\r\n" if "\r\n" in self.text else "\n"

    def _index(self, mark: yaml.Mark) -> int:
        return int(mark.index) + self._mark

    def _end_of_line(self, index: int) -> int:
        """Return where the line of an offset ends; the offset itself at the beginning of a line."""
        index += self._mark
        if self.text[index - 1 : index] == "\n":
            return index
        end = self.text.find("\n", index)
        return len(self.text) if end < 0 else end + 1


def _parts(node: yaml.Node | None, known: dict[int, int]) -> int:
    """Return how many values a node has with each alias written out. One that holds itself has too many."""
    if not isinstance(node, yaml.CollectionNode):
        return 1
    if id(node) not in known:
        known[id(node)] = _PARTS_LIMIT + 1  # until it is known
        pairs = isinstance(node, yaml.MappingNode)
        members = [one for pair in node.value for one in pair] if pairs else node.value
        known[id(node)] = min(_PARTS_LIMIT + 1, 1 + sum(_parts(one, known) for one in members))
    return known[id(node)]


def _item(node: yaml.MappingNode, name: str) -> tuple[yaml.Node, yaml.Node] | None:
    found = [item for item in node.value if isinstance(item[0], yaml.ScalarNode) and item[0].value == name]
    if len(found) > 1:
        raise NotEditable(f"{name} is there {len(found)} times; leave one of them")
    return found[0] if found else None


def _last(node: yaml.Node, key: yaml.Node) -> int:
    """Return where the text of a value ends: PyYAML's end of a block is where the next one begins."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _last(last[1], last[0]) if isinstance(last, tuple) else _last(last, key)
    return int(node.end_mark.index) if node.end_mark.index > key.end_mark.index else int(key.end_mark.index)


def _is_empty(node: yaml.Node) -> bool:
    if isinstance(node, yaml.ScalarNode):
        return bool(node.tag == "tag:yaml.org,2002:null")
    return not node.value


def _flow(value: Any) -> str:
    """Return a value on one line: JSON is YAML."""
    try:
        return json.dumps(value, ensure_ascii=False)
    except TypeError:  # a date, which only YAML has
        raise NotEditable("the server's entry holds a value that cannot be written again; fix it by hand") from None


def _name(name: str) -> str:
    return name if _PLAIN.fullmatch(name) and name.lower() not in _WORDS else json.dumps(name, ensure_ascii=False)


def _nested(path: Sequence[str], value: Any) -> Any:
    for step in reversed(path):
        value = {step: value}
    return value


def _with(value: Any, path: Sequence[str], new: Any) -> Any:
    value = copy.deepcopy(value) if value is not None else {}
    inner = value
    for step in path[:-1]:
        if inner.get(step) is None:
            inner[step] = {}
        inner = inner[step]
        if not isinstance(inner, dict):
            raise NotEditable(f"{step} is not a mapping")
    inner[path[-1]] = new
    return value
