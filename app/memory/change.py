"""Changes and forgets memories."""

from __future__ import annotations

from app.errors import InvalidInput
from app.memory.ports import Parts
from app.memory.requests import Forget, Update
from app.memory.texts import Cleaner, content_hash, pieces
from app.memory.types import Changes, Scope, Selection, Updated


async def update(parts: Parts, scope: Scope, request: Update) -> Updated:
    """Change a memory; return its new version and how many credentials were taken out.

    Raises NotFound, Conflict, InvalidInput.
    """
    cleaner = Cleaner(parts.limits)
    piece, digest = None, None
    if request.text is not None:
        text = cleaner.text(request.text)
        limit = parts.limits.piece_characters
        if len(text) > limit:
            raise InvalidInput(
                "text", text, f"up to {limit:,} characters here; forget the memory and memorize the longer text"
            )
        [piece] = pieces(text, limit, lambda: request.id)
        digest = content_hash(text)
    changes = Changes(
        text=None if piece is None else piece.text,
        kind=request.kind,
        tags=None if request.tags is None else tuple(cleaner.text(tag) for tag in request.tags),
        metadata=None if request.metadata is None else cleaner.value(request.metadata),
        expires_in_days=request.expires_in_days,
        archived=request.archived,
    )
    version = await parts.store.update(scope, request.id, changes, piece, digest)
    return Updated(version=version, redacted=cleaner.redacted)


async def forget(parts: Parts, scope: Scope, request: Forget) -> int:
    """Delete what the request names, in the database and so in the index; return how many memories."""
    selection = Selection(
        ids=None if request.ids is None else tuple(request.ids),
        conversation_id=request.conversation_id,
        project=request.project,
        before=request.before,
    )
    return await parts.store.forget(scope, selection, request.dry_run)
