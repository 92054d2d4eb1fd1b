"""Checks setting values, setting names, and the embedding service that the settings name."""

from __future__ import annotations

from collections.abc import Iterator

from app.errors import MemoryServerError
from app.ops.checks import Check, State
from app.settings.fields import Settings
from app.settings.rules import BrokenRule
from app.settings.unread import unread_names


def check_rules(broken: list[BrokenRule]) -> Iterator[Check]:
    """Report each broken rule, or that all settings are valid."""
    if not broken:
        yield Check("settings", State.OK, "every value is valid, and all go together")
    for breach in broken:
        *names, last = breach.rule.settings
        remedy = f"change {', '.join(names)} or {last}" if names else f"change {last}"
        yield Check.failed(f"settings: {breach.rule.name}", breach.sentence, remedy)


def check_names() -> Iterator[Check]:
    """Report setting names that no setting has."""
    if line := unread_names():
        yield Check("setting names", State.WARNING, line, "correct these names, or remove them")


async def check_embeddings(settings: Settings) -> Check:
    """Ask the embedding service for a vector, when a model is set."""
    from app.runtime import probes

    if settings.embedding_model is None:
        return Check("embeddings", State.OK, "no model is set (EMBEDDING_MODEL); search matches words only")
    try:
        return Check("embeddings", State.OK, await probes.embeddings(settings))
    except MemoryServerError as error:
        remedy = "check EMBEDDING_BASE_URL and the service, or unset EMBEDDING_MODEL to search by words alone"
        return Check.failed("embeddings", str(error), remedy)
