"""Short ways to say what a test remembers and looks for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from app.memory import requests
from app.memory.forget import forget
from app.memory.ports import Domain, DomainSettings, MemoryStore, SearchIndex
from app.memory.remember import remember, remember_conversation
from app.memory.search import search
from app.memory.types import Scope, SearchResult, StoredConversation
from app.memory.update import update
from app.store.rows import new_id

NOON = datetime(2026, 5, 8, 12, 0, tzinfo=UTC)


def domain_on(store: MemoryStore, index: SearchIndex, **settings: Any) -> Domain:
    """Return the domain with the default settings, or others."""
    chosen = DomainSettings(**{"piece_characters": 8_000, "redact": True, "reply_tokens": 8_000, **settings})
    return Domain(store=store, index=index, settings=chosen, new_id=new_id)


async def memorize(domain: Domain, scope: Scope, text: str, **more: Any) -> UUID:
    """Remember a text through its request, and return its id."""
    return (await remember(domain, scope, requests.checked(requests.Memorize, {"text": text, **more}))).id


async def converse(domain: Domain, scope: Scope, said: Sequence[Any], **more: Any) -> StoredConversation:
    """Remember a conversation; a plain string in `said` is a message of role user."""
    messages = [{"role": "user", "content": one} if isinstance(one, str) else one for one in said]
    request = requests.checked(requests.MemorizeConversation, {"messages": messages, **more})
    return await remember_conversation(domain, scope, request)


async def look_for(domain: Domain, scope: Scope, query: str, **more: Any) -> SearchResult:
    """Search through the request."""
    return await search(domain, scope, requests.checked(requests.Search, {"query": query, **more}))


async def texts_for(domain: Domain, scope: Scope, query: str, **more: Any) -> list[str]:
    """Return the texts a search finds, best first; the answer must come from the index."""
    found = await look_for(domain, scope, query, **more)
    assert not found.degraded, "the index did not answer"
    return [one.memory.text for one in found.results]


async def change(domain: Domain, scope: Scope, memory_id: UUID, **changes: Any) -> int:
    """Update a memory and return its new version."""
    return (await update(domain, scope, requests.checked(requests.Update, {"id": memory_id, **changes}))).version


async def erase(domain: Domain, scope: Scope, **selection: Any) -> int:
    """Forget, and return how many memories."""
    return await forget(domain, scope, requests.checked(requests.Forget, selection))


def minutes(number: float) -> datetime:
    """Return a moment that many minutes after noon."""
    return NOON + timedelta(minutes=number)
