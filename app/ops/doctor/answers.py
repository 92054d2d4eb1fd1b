"""Judges what a server answered to the calls of app/clients/conversation.py."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from app.clients.conversation import ServerAnswers
from app.counted import counted
from app.ops.checks import LAG_WARNING_S, Check, State
from app.ops.doctor.remedies import MEMU

_TITLES = {"postgres": "PostgreSQL", "memu": "memU"}


def check_call(answers: ServerAnswers) -> Check:
    """Report that a call through a bridge worked."""
    found = f"a bridge brought initialize ({answers.protocol}), {answers.tools} tools and memory_health"
    return Check("MCP call", State.OK, found)


def check_components(answers: ServerAnswers, remedies: dict[str, str], remedy: str) -> Iterator[Check]:
    """Report what a server says of its parts. remedies: by part; remedy: of the others."""
    for name, part in answers.health["components"].items():
        works = part["status"] == "ok"
        yield Check(
            _TITLES.get(name, name),
            State.OK if works else State.FAILED,
            str(part.get("detail") or part["status"]),
            None if works else remedies.get(name, remedy),
        )


def check_search(answers: ServerAnswers, remedy: str) -> Check:
    """Report whether the index answered, and memU where it is used: a search says when it had to do without."""
    if answers.degraded is None:
        found = f"search_memory was not answered: {answers.search_refused}"
        return Check("search", State.FAILED, found, remedy)
    if answers.reason is not None:
        return Check.failed("search", f"search_memory was answered without memU: {answers.reason}", MEMU)
    if answers.degraded:
        return Check("search", State.FAILED, "search_memory was answered without the index", remedy)
    return Check("search", State.OK, "search_memory was answered from the index")


def check_lag(numbers: dict[str, Any], remedy: str) -> Check:
    """Report how far the index is behind the database."""
    changes, seconds, memories = (numbers[name] for name in ("index_lag_changes", "index_lag_seconds", "memories"))
    found = f"{counted(changes, 'change')}, {seconds:.1f} s behind {counted(memories, 'memory', 'memories')}"
    if seconds > LAG_WARNING_S:
        return Check("index lag", State.WARNING, found, f"it catches up by itself; if it does not: {remedy}")
    return Check("index lag", State.OK, found)
