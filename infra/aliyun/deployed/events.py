"""Reads server-sent events from the lines of a stream."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Event:
    """kind: the field `event`, `message` where there is none."""

    kind: str
    data: str


def events(lines: Iterable[str]) -> Iterator[Event]:
    """Yield the events; comments, which keep a connection open, are none."""
    kind, data = "", list[str]()
    for line in lines:
        if not line:
            if data:
                yield Event(kind or "message", "\n".join(data))
            kind, data = "", []
            continue
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "event":
            kind = value
        elif name == "data":
            data.append(value)
