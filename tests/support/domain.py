"""Short ways to say what a test remembers and looks for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from app.memory import requests
from app.memory.change import forget, update
from app.memory.ports import Limits, MemoryStore, Parts, SearchIndex
from app.memory.remember import remember, remember_conversation
from app.memory.search import search
from app.memory.types import Scope, SearchResult, StoredConversation
from app.store.rows import new_id

NOON = datetime(2026, 5, 8, 12, 0, tzinfo=UTC)


def parts_on(store: MemoryStore, index: SearchIndex, **limits: Any) -> Parts:
    """Return the domain's parts with the default limits, or others."""
    chosen = Limits(**{"piece_characters": 8_000, "redact": True, "reply_tokens": 8_000, **limits})
    return Parts(store=store, index=index, limits=chosen, new_id=new_id)


async def memorize(parts: Parts, scope: Scope, text: str, **more: Any) -> UUID:
    """Remember a text through its request, and return its id."""
    return (await remember(parts, scope, requests.checked(requests.Memorize, {"text": text, **more}))).id


async def converse(parts: Parts, scope: Scope, said: Sequence[Any], **more: Any) -> StoredConversation:
    """Remember a conversation; a plain string in `said` is a message of role user."""
    messages = [{"role": "user", "content": one} if isinstance(one, str) else one for one in said]
    request = requests.checked(requests.MemorizeConversation, {"messages": messages, **more})
    return await remember_conversation(parts, scope, request)


async def look_for(parts: Parts, scope: Scope, query: str, **more: Any) -> SearchResult:
    """Search through the request."""
    return await search(parts, scope, requests.checked(requests.Search, {"query": query, **more}))


async def texts_for(parts: Parts, scope: Scope, query: str, **more: Any) -> list[str]:
    """Return the texts a search finds, best first; the answer must come from the index."""
    found = await look_for(parts, scope, query, **more)
    assert not found.degraded, "the index did not answer"
    return [one.memory.text for one in found.results]


async def change(parts: Parts, scope: Scope, memory_id: UUID, **changes: Any) -> int:
    """Update a memory and return its new version."""
    return (await update(parts, scope, requests.checked(requests.Update, {"id": memory_id, **changes}))).version


async def erase(parts: Parts, scope: Scope, **selection: Any) -> int:
    """Forget, and return how many memories."""
    return await forget(parts, scope, requests.checked(requests.Forget, selection))


def minutes(number: float) -> datetime:
    """Return a moment that many minutes after noon."""
    return NOON + timedelta(minutes=number)
