"""Updates a memory: its text or its other fields."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

from app.errors import InvalidInput
from app.memory.off_loop import characters_of
from app.memory.ports import Domain, DomainSettings
from app.memory.requests import Update
from app.memory.texts import Cleaner, pieces, text_hash
from app.memory.types import MemoryUpdate, Piece, Scope, Updated


async def update(domain: Domain, scope: Scope, request: Update) -> Updated:
    """Change a memory; return its new version and how many credentials were redacted.

    Raises NotFound, Conflict, InvalidInput.
    """
    size = characters_of([request.text, request.tags, request.metadata])
    prepared = await domain.preparing.run(scope.user, size, partial(_prepared, domain.settings, request))
    version = await domain.store.update(scope, request.id, prepared.fields, prepared.piece, prepared.digest)
    return Updated(version=version, redacted=prepared.redacted)


class _Prepared(NamedTuple):
    """An update, ready to store. redacted: how many credentials it had."""

    fields: MemoryUpdate
    piece: Piece | None
    digest: bytes | None
    redacted: int


def _prepared(settings: DomainSettings, request: Update) -> _Prepared:
    cleaner = Cleaner(settings)
    piece, digest = None, None
    if request.text is not None:
        text = cleaner.text(request.text)
        limit = settings.piece_characters
        if len(text) > limit:
            raise InvalidInput(
                "text",
                text,
                f"up to {limit:,} characters in an update; forget the memory and memorize the longer text instead",
            )
        [piece] = pieces(text, limit, lambda: request.id)
        digest = text_hash(text)
    fields = MemoryUpdate(
        text=None if piece is None else piece.text,
        kind=request.kind,
        project="" if request.no_project else cleaner.value(request.project),
        tags=None if request.tags is None else tuple(cleaner.text(tag) for tag in request.tags),
        metadata=None if request.metadata is None else cleaner.value(request.metadata),
        expires_in_days=request.expires_in_days,
        archived=request.archived,
    )
    return _Prepared(fields, piece, digest, cleaner.redacted)
