"""Forgets the memories that a request selects."""

from __future__ import annotations

from app.memory.moments import in_zone
from app.memory.ports import Domain
from app.memory.requests import Forget
from app.memory.types import Scope, Selection


async def forget(domain: Domain, scope: Scope, request: Forget) -> int:
    """Delete the memories a request selects, from the database and so from the index; return how many."""
    selection = Selection(
        ids=None if request.ids is None else tuple(request.ids),
        conversation_id=request.conversation_id,
        project=request.project,
        before=None if request.before is None else in_zone(request.before, domain.settings.zone),
    )
    return await domain.store.forget(scope, selection, request.dry_run)
