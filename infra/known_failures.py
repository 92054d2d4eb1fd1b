"""Failures that show in log lines: what each means, and what to do. A target has a table of its own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class KnownFailure:
    """what and remedy may use the names of the pattern's groups. at_least: lines before it counts as this failure."""

    id: str
    pattern: re.Pattern[str]
    what: str
    remedy: str
    at_least: int = 1


@dataclass(frozen=True)
class Recognised:
    """A known failure that was found: in how many lines, and the last of them."""

    id: str
    what: str
    remedy: str
    count: int
    last: str


def known_failure(id_: str, pattern: str, what: str, remedy: str, at_least: int = 1) -> KnownFailure:
    """Return a known failure; its pattern takes no notice of capitals."""
    return KnownFailure(id_, re.compile(pattern, re.IGNORECASE), what, remedy, at_least)


def find_known(lines: Iterable[str], failures: Sequence[KnownFailure]) -> list[Recognised]:
    """Return the known failures that show in lines, in the table's order; a line counts for each that it fits."""
    lines = list(lines)
    found = []
    for failure in failures:
        matches = [(line, match) for line in lines if (match := failure.pattern.search(line))]
        if len(matches) >= failure.at_least:
            last, match = matches[-1]
            named = {name: value or "" for name, value in match.groupdict().items()}
            found.append(
                Recognised(
                    failure.id,
                    failure.what.format(**named),
                    failure.remedy.format(**named),
                    len(matches),
                    last,
                )
            )
    return found
