"""Updates a memory: its text or its other fields."""

from __future__ import annotations

from app.errors import InvalidInput
from app.memory.off_loop import characters_of
from app.memory.ports import Domain
from app.memory.requests import Update
from app.memory.texts import Cleaner, pieces, text_hash
from app.memory.types import MemoryUpdate, Piece, Scope, Updated


async def update(domain: Domain, scope: Scope, request: Update) -> Updated:
    """Change a memory; return its new version and how many credentials were redacted.

    Raises NotFound, Conflict, InvalidInput.
    """
    cleaner = Cleaner(domain.settings)
    size = characters_of([request.text, request.tags, request.metadata])
    fields, piece, digest = await domain.preparing.run(scope.user, size, lambda: _prepared(domain, cleaner, request))
    version = await domain.store.update(scope, request.id, fields, piece, digest)
    return Updated(version=version, redacted=cleaner.redacted)


def _prepared(domain: Domain, cleaner: Cleaner, request: Update) -> tuple[MemoryUpdate, Piece | None, bytes | None]:
    piece, digest = None, None
    if request.text is not None:
        text = cleaner.text(request.text)
        limit = domain.settings.piece_characters
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
    return fields, piece, digest
