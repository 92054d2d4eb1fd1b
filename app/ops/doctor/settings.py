"""Checks setting values, setting names, and the outside services that the settings name."""

from __future__ import annotations

from collections.abc import Iterator

from app.errors import MemoryServerError
from app.ops.checks import Check, State
from app.ops.doctor.remedies import MEMU
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
    """Ask the embedding service, or the model on this machine, for a vector; when there is one."""
    from app.runtime import probes
    from app.runtime.composition import vectors_name

    if vectors_name(settings) is None:
        return Check("embeddings", State.OK, "no model is set (EMBEDDING_MODEL); search matches words only")
    try:
        return Check("embeddings", State.OK, await probes.embeddings(settings))
    except MemoryServerError as error:
        remedy = (
            "run: claude-memory model add, or model remove to search by words alone"
            if settings.embedding_model is None
            else "check EMBEDDING_BASE_URL and the service, or unset EMBEDDING_MODEL to search by words alone"
        )
        return Check.failed("embeddings", str(error), remedy)


async def check_rerank(settings: Settings) -> list[Check]:
    """Have the rerank service order two texts, when there is one."""
    from app.runtime import probes

    if settings.rerank_model is None:
        return []
    try:
        return [Check("rerank", State.OK, await probes.rerank(settings))]
    except MemoryServerError as error:
        remedy = "check RERANK_URL and the service, or unset RERANK_MODEL to keep the order of the search"
        return [Check.failed("rerank", str(error), remedy)]


async def check_memu(settings: Settings) -> list[Check]:
    """Make a harmless call to memU, when the settings use it."""
    from app.runtime import probes

    if settings.memory_backend == "local":
        return []
    try:
        return [Check("memU call", State.OK, await probes.memu(settings))]
    except MemoryServerError as error:
        return [Check.failed("memU call", str(error), MEMU)]
