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
        yield Check(f"settings: {breach.rule.name}", State.FAILED, breach.sentence, "do as it says")


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
        return Check("embeddings", State.FAILED, str(error), "do as it says, or unset EMBEDDING_MODEL")
