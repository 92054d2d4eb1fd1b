"""Finds the branches of a transcript that a person gave up: they went back to an earlier message and wrote another.

Lines refer to the line before them. Going back shows as two prompts after the same line; parallel tool calls branch
too, but no prompt begins their branches. The branch that the last message belongs to is kept.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from enum import IntEnum


class Line(IntEnum):
    """What a line is to the tree. BESIDE: an attachment or a note of the program, which may stand before a prompt."""

    BESIDE = 0
    PROMPT = 1
    OTHER = 2


class Branches:
    """The lines of one transcript: some 100 bytes for each."""

    def __init__(self) -> None:
        self._numbers: dict[int, int] = {}  # by the hash of a line's id
        self._parents = array("q")
        self._kinds = bytearray()
        self._sessions = array("q")

    def add(self, id_: str, parent: str | None, kind: Line, session: str) -> int:
        """Add a line and return its number; a line that is there again has the first one's."""
        number = self._numbers.setdefault(hash(id_), len(self._kinds))
        if number == len(self._kinds):
            self._parents.append(0 if parent is None else hash(parent))
            self._kinds.append(kind)
            self._sessions.append(hash(session))
        return number

    def given_up(self) -> set[int]:
        """Return the numbers of the lines on branches that were given up."""
        above = [self._numbers.get(parent, -1) if parent else -1 for parent in self._parents]
        above = [-1 if parent >= number else parent for number, parent in enumerate(above)]  # no circles
        below: defaultdict[int, list[int]] = defaultdict(list)
        for number, parent in enumerate(above):
            if parent >= 0:
                below[parent].append(number)
        path = self._path(above)
        lost: set[int] = set()
        for parent, kept in self._forks(above, below, path):
            if not self._begins_with_prompt(kept, below):
                continue
            for number in self._siblings(kept, parent, above, below):
                if number not in path and self._begins_with_prompt(number, below):
                    lost |= _subtree(number, below)
        return lost

    def _path(self, above: list[int]) -> set[int]:
        """Return the lines that lead to the last message. Where one is missing, the line before goes on."""
        last = len(self._kinds) - 1
        while last >= 0 and self._kinds[last] == Line.BESIDE:
            last -= 1
        path: set[int] = set()
        while last >= 0:
            path.add(last)
            missing = above[last] < 0 and self._parents[last] != 0
            last = last - 1 if missing else above[last]
        return path

    def _forks(self, above: list[int], below: dict[int, list[int]], path: set[int]) -> list[tuple[int, int]]:
        """Return the lines of the path that have siblings, each with its parent; -1 is none."""
        forks = []
        for number in path:
            parent = above[number]
            if parent >= 0:
                if len(below[parent]) > 1:
                    forks.append((parent, number))
            elif self._parents[number] == 0 and number > 0:
                forks.append((-1, number))
        return forks

    def _siblings(self, kept: int, parent: int, above: list[int], below: dict[int, list[int]]) -> list[int]:
        if parent >= 0:
            return below[parent]
        return [  # first prompts that were answered and given up
            number
            for number in range(len(above))
            if self._parents[number] == 0 and self._sessions[number] == self._sessions[kept] and below.get(number)
        ]

    def _begins_with_prompt(self, number: int, below: dict[int, list[int]]) -> bool:
        seen = [number]
        while seen:
            number = seen.pop()
            if self._kinds[number] == Line.PROMPT:
                return True
            if self._kinds[number] == Line.BESIDE:
                seen += below.get(number, [])
        return False


def _subtree(number: int, below: dict[int, list[int]]) -> set[int]:
    found: set[int] = set()
    left = [number]
    while left:
        number = left.pop()
        found.add(number)
        left += below.get(number, [])
    return found
