"""Reads memU's answers, which differ between its releases: all that is documented, and nothing that is not there.

Texts come back fit to be stored: without NULs and lone surrogates, which JSON may hold and PostgreSQL may not.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import blake2s
from typing import Any

from app.memu.service import Category, Found, Item, Progress, Task

_DONE = frozenset({"COMPLETED", "SUCCESS"})
_REFUSED = frozenset({"FAILED", "FAILURE"})
_REASONS = ("detail_info", "message", "error", "detail")
_MILLISECONDS_FROM = 1e11  # as seconds this is the year 5138
_TASK_ID_CHARACTERS = 200


class WrongShape(ValueError):
    """An answer is JSON, but not what the API documents. The message names what is missing, and no value."""


def object_in(answer: Any) -> Mapping[str, Any]:
    """Return an answer that must be an object. Raises WrongShape."""
    if not isinstance(answer, dict):
        raise WrongShape("no object")
    return answer


def entries_in(answer: Any, *names: str) -> list[Any]:
    """Return a list that is the whole answer, or under one of these names. Raises WrongShape."""
    if isinstance(answer, list):
        return answer
    found = object_in(answer)
    for name in names:
        if name in found:
            entries = found[name]
            if entries is None:
                return []
            if not isinstance(entries, list):
                raise WrongShape(f"{name} is no list")
            return entries
    raise WrongShape(f"no {' or '.join(names)}")


def text_in(holder: Mapping[str, Any], *names: str) -> str:
    """Return the first of these that holds a text, or ''. A text may be in an object of its own: `{"text": …}`."""
    for name in names:
        value = holder.get(name)
        if isinstance(value, dict):
            value = value.get("text")
        if isinstance(value, str) and (text := _storable(value)):
            return text
    return ""


def id_in(holder: Mapping[str, Any], *names: str) -> str:
    """Return the first of these that holds an id, or ''."""
    for name in names:
        value = holder.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if text := text_in(holder, name):
            return text
    return ""


def number_in(holder: Mapping[str, Any], *names: str) -> float | None:
    """Return the first of these that holds a finite number."""
    for name in names:
        value = holder.get(name)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            try:
                number = float(value)
            except OverflowError:
                continue
            if math.isfinite(number):
                return number
    return None


def time_of(value: Any) -> datetime | None:
    """Return a moment given as ISO 8601, or as seconds or milliseconds since 1970; without a zone it is UTC."""
    try:
        if isinstance(value, str):
            at = datetime.fromisoformat(value.strip())
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            at = datetime.fromtimestamp(value / 1_000 if abs(value) >= _MILLISECONDS_FROM else value, UTC)
        else:
            return None
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError, OSError):  # no moment at all, or one that no calendar has
        return None


def item_in(entry: Any, *kinds: str) -> Item | None:
    """Return an entry as an item, or None when it holds no text. kinds: the names under which its kind may be."""
    if isinstance(entry, str):
        entry = {"content": entry}
    if not isinstance(entry, dict):
        return None
    within = entry.get("memory")  # v1 and v2 give the score beside the memory
    memory = {**entry, **within} if isinstance(within, dict) else entry
    text = text_in(memory, "content", "summary", "text", "description")
    if not text:
        return None
    return Item(
        id=id_in(memory, "id", "memory_id") or blake2s(text.encode(), digest_size=8).hexdigest(),
        text=text,
        kind=text_in(memory, *kinds) or None,
        score=number_in(memory, "score", "similarity_score", "similarity"),
        created_at=time_of(memory.get("created_at")),
        occurred_at=time_of(memory.get("happened_at")),
    )


def items_in(entries: Iterable[Any], *kinds: str) -> list[Item]:
    """Return the entries that hold a text, in their order."""
    return [item for entry in entries if (item := item_in(entry, *kinds)) is not None]


def categories_in(entries: Iterable[Any]) -> list[Category]:
    """Return the entries that have a name."""
    return [
        Category(name=name, description=text_in(entry, "description"), summary=text_in(entry, "summary", "content"))
        for entry in entries
        if isinstance(entry, dict) and (name := text_in(entry, "name"))
    ]


def found(items: list[Item], categories: list[Category], limit: int) -> Found:
    """Return the best of what was found; the service's order stands unless every item has a score."""
    if all(item.score is not None for item in items):
        items = sorted(items, key=lambda item: -(item.score or 0.0))
    return Found(items=tuple(items[:limit]), categories=tuple(categories))


def handover_in(answer: Any) -> Task:
    """Return what became of a handover. One that was worked on at once names no task, but what came of it."""
    told = object_in(answer)
    if task_id := id_in(told, "task_id"):
        if not is_usable(task_id):
            raise WrongShape("no usable task_id")
        return _task(told, task_id)
    if _status(told) not in _DONE | _REFUSED and "items" not in told:
        raise WrongShape("no task_id")
    return replace(_task(told, None), progress=Progress.REFUSED if _status(told) in _REFUSED else Progress.DONE)


def progress_in(answer: Any, task_id: str) -> Task:
    """Return how far a task is that was asked about. A status that is not known means under way."""
    told = object_in(answer)
    if not _status(told):
        raise WrongShape("no status")
    return _task(told, task_id)


def _status(told: Mapping[str, Any]) -> str:
    return text_in(told, "status").upper()


def _task(told: Mapping[str, Any], task_id: str | None) -> Task:
    status = _status(told)
    if status in _REFUSED:
        return Task(id=task_id, progress=Progress.REFUSED, problem=text_in(told, *_REASONS) or "it gave no reason")
    return Task(id=task_id, progress=Progress.DONE if status in _DONE else Progress.UNDER_WAY)


def is_usable(task_id: str) -> bool:
    """Whether a text can be an id in a path: short, printable, and no step within the path."""
    return 0 < len(task_id) <= _TASK_ID_CHARACTERS and task_id.isprintable() and not set(task_id) <= {"."}


def _storable(text: str) -> str:
    return text.replace("\0", " ").encode("utf-8", "replace").decode().strip()
