"""Real round trips to each component, for /test and doctor."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from app.errors import Unavailable

if TYPE_CHECKING:
    from app.index.follower import Follower
    from app.index.remote import RemoteIndex
    from app.settings import Settings
    from app.store.postgres import PostgresStore

_CONNECT_TIMEOUT_S, _READ_TIMEOUT_S = 3.0, 6.0


async def postgres(store: PostgresStore | None) -> str:
    """Ask PostgreSQL a question. Raises StoreUnavailable."""
    if store is None:
        raise Unavailable("PostgreSQL is not connected yet")
    await store.ping()
    return "answered"


async def index(index: Follower | RemoteIndex | None, user: str) -> str:
    """Make the index ready for a search of a user and count its points. Raises IndexUnavailable."""
    if index is None:
        raise Unavailable("the index is not open yet")
    await index.view(user)
    return f"{await index.count()} points"


async def embeddings(settings: Settings) -> str:
    """Turn one word into a vector. Raises Unavailable."""
    key = settings.embedding_api_key or settings.dashscope_api_key
    if key is None:
        raise Unavailable("no embedding service: set EMBEDDING_API_KEY or DASHSCOPE_API_KEY; search works without")
    base = settings.embedding_base_url or settings.dashscope_base_url
    answer = await _post(
        f"{base}/embeddings", key.get_secret_value(), {"model": settings.embedding_model, "input": "hello"}
    )
    try:
        return f"{len(answer['data'][0]['embedding'])} dimensions"
    except (KeyError, IndexError, TypeError):
        raise Unavailable(f"the embedding service at {base} answered without a vector") from None


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
