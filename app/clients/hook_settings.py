"""Our hooks in Claude Code's settings.

Checked in November 2026: an event holds groups of handlers, each with its own time limit.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.clients.entry import MODULE, SCRIPT, Command, Environment
from app.clients.jsonc import Document
from app.clients.jsonc_reading import Step

EVENTS = {"session-start": "SessionStart", "session-end": "SessionEnd"}  # our name of it: Claude Code's
_TIMEOUT_S = 10  # the limit that Claude Code enforces: more than we need, Python's start included
_SOURCES = "startup|clear|compact"  # not resume: the session still has what was recalled


@dataclass(frozen=True, slots=True)
class HookEdit:
    """Our handlers in Claude Code's settings."""

    command: Command
    environment: Environment = field(default_factory=dict)

    @property
    def part(self) -> str:
        """What it edits."""
        return "hooks"

    def put(self, document: Document) -> Document:
        """Add a handler for each event that has none of ours, and bring the others up to date."""
        for event, theirs in EVENTS.items():
            wanted = self._line(event)
            handlers = list(_ours(document, event))
            if not handlers:
                document = document.append(("hooks", theirs), self._group(event))
            for path, handler in handlers:
                if handler["command"] != wanted:
                    document = document.put((*path, "command"), wanted)
        return document

    def take(self, document: Document) -> Document:
        """Remove our handlers, and what they leave empty."""
        for event in EVENTS:
            for path, _ in reversed(list(_ours(document, event))):
                handlers = document.get(path[:-1])
                document = document.remove(path if len(handlers) > 1 else path[:3])  # the group, when it is all ours
                for emptied in (path[:2], path[:1]):
                    if not document.get(emptied):
                        document = document.remove(emptied)
        return document

    def again(self, before: Document, after: Document) -> Document:
        """Add the groups with our handlers as they are in `after`."""
        for event, theirs in EVENTS.items():
            for path, _ in _ours(after, event):
                before = before.append(("hooks", theirs), after.get(path[:3]))
        return before

    def _group(self, event: str) -> dict[str, Any]:
        handler = {"type": "command", "command": self._line(event), "timeout": _TIMEOUT_S}
        matcher = {"matcher": _SOURCES} if event == "session-start" else {}
        return {**matcher, "hooks": [handler]}

    def _line(self, event: str) -> str:
        """Return a shell line: every version of Claude Code runs those, with `sh` or Git's `bash`."""
        variables = {**self.command.environment, **self.environment}
        line = shlex.join([self.command.program, *self.command.arguments, "hook", event])
        return " ".join([*(f"{name}={shlex.quote(value)}" for name, value in variables.items()), line])


def _ours(document: Document, event: str) -> Iterator[tuple[tuple[Step, ...], dict[str, Any]]]:
    """Return our handlers of an event with their paths."""
    groups = document.get(("hooks", EVENTS[event]))
    for number, group in enumerate(groups if isinstance(groups, list) else ()):
        handlers = group.get("hooks") if isinstance(group, dict) else None
        for place, handler in enumerate(handlers if isinstance(handlers, list) else ()):
            if isinstance(handler, dict) and _is_ours(handler.get("command"), event):
                yield ("hooks", EVENTS[event], number, "hooks", place), handler


def _is_ours(line: object, event: str) -> bool:
    if not isinstance(line, str) or not line.endswith(f" hook {event}"):
        return False
    try:
        words = shlex.split(line)[:-2]
    except ValueError:
        return False
    return bool(words) and (Path(words[-1]).stem == SCRIPT or tuple(words[-len(MODULE) :]) == MODULE)
