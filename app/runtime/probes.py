"""Real round trips to each component, for /test and doctor."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from app.errors import Unavailable

if TYPE_CHECKING:
    from app.index.follower import Follower
    from app.index.qdrant.search import RemoteIndex
    from app.settings.fields import Settings
    from app.store.postgres import PostgresStore

_CONNECT_TIMEOUT_S, _READ_TIMEOUT_S = 3.0, 6.0


async def postgres(store: PostgresStore | None) -> str:
    """Ask PostgreSQL a question. Raises StoreUnavailable."""
    if store is None:
        raise Unavailable("PostgreSQL is not connected yet")
    await store.ping()
    return "answered"


async def index(index: Follower | RemoteIndex | None, user: str) -> int:
    """Make the index ready for a search of a user and return how many points it has. Raises IndexUnavailable."""
    if index is None:
        raise Unavailable("the index is not open yet")
    await index.view(user)
    return await index.count()


async def embeddings(settings: Settings) -> str:
    """Turn one word into a vector. Raises Unavailable, and InvalidSettings."""
    from app.embedding.service import service_of

    service = service_of(settings)
    if service is None:
        raise Unavailable("no embedding model is set (EMBEDDING_MODEL); search goes by words alone")
    from app.embedding.client import EmbeddingClient

    client = EmbeddingClient(service, tries=1)
    try:
        [vector] = await client.embed(["hello"], "query")
    finally:
        await client.close()
    return f"{len(vector or ())} dimensions"


async def memu(settings: Settings) -> str:
    """Ask memU for something harmless with the key. Raises Unavailable."""
    if settings.memu_api_key is None:
        raise Unavailable("no memU: set MEMU_API_KEY")
    await _post(
        f"{settings.memu_base_url}/api/v3/memory/retrieve",
        settings.memu_api_key.get_secret_value(),
        {"user_id": settings.default_user_id, "agent_id": settings.default_agent_id, "query": "hello"},
    )
    return "answered"


async def _post(url: str, key: str, body: dict[str, str]) -> Any:
    import requests

    def post() -> Any:
        response = requests.post(
            url,
            json=body,
            headers={"Authorization": f"Bearer {key}"},
            timeout=(_CONNECT_TIMEOUT_S, _READ_TIMEOUT_S),
            allow_redirects=False,
        )
        if response.status_code != 200:
            raise Unavailable(f"{url} answered {response.status_code}; check the key and the address")
        return response.json()

    try:
        return await asyncio.to_thread(post)
    except (requests.RequestException, ValueError) as error:
        raise Unavailable(f"{url} does not answer ({type(error).__name__}); check the address") from error
