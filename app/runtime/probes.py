"""Probes each component with a real round trip, for /test and doctor."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from app.counted import counted
from app.errors import MemoryServerError, Unavailable

if TYPE_CHECKING:
    from app.runtime.running import Running
    from app.settings.fields import Settings
    from app.store.database import Database

_TIMEOUT_S = 10.0
_CONNECT_TIMEOUT_S, _READ_TIMEOUT_S = 3.0, 6.0


async def probe(
    name: str,
    settings: Settings,
    db: Database | None,
    running: Running | None,
    *,
    counts: bool,
    timeout_s: float = _TIMEOUT_S,
) -> dict[str, Any]:
    """Do a round trip to one component and return {ok, milliseconds, detail}; see Runtime.probe.

    db: None until it is open. running: None until the start is over.
    timeout_s: seconds after which a component that does not answer is given up.
    """
    probes: dict[str, Callable[[], Awaitable[str]]] = {
        "postgres": lambda: _postgres(db),
        "index": lambda: _index(running, settings.default_user_id, counts=counts),
        "embeddings": lambda: embeddings(settings),
        "memu": lambda: memu(settings),
    }
    started = time.perf_counter()
    try:
        async with asyncio.timeout(timeout_s):
            detail = await probes[name]()
        ok = True
    except (MemoryServerError, TimeoutError) as error:
        ok, detail = False, str(error) or f"no answer within {timeout_s:.0f} s"
    return {"ok": ok, "milliseconds": round((time.perf_counter() - started) * 1000, 2), "detail": detail}


async def _postgres(db: Database | None) -> str:
    """Run a query on PostgreSQL. Raises StoreUnavailable."""
    from app.store.postgres import PostgresStore

    if db is None:
        raise Unavailable("PostgreSQL is not connected yet")
    await PostgresStore(db).ping()
    return "answered"


async def _index(running: Running | None, user: str, *, counts: bool) -> str:
    """Make the index ready for a user's search. Raises IndexUnavailable.

    counts: whether the detail gives the number of points, of all users.
    """
    if running is None:
        raise Unavailable("the index is not open yet")
    await running.index.view(user)
    points = await running.index.count()
    return counted(points, "point") if counts else "answered"


async def embeddings(settings: Settings) -> str:
    """Turn one word into a vector. Raises Unavailable."""
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


async def memu(settings: Settings, *, read_timeout_s: float = _READ_TIMEOUT_S) -> str:
    """Send memU a harmless request with the key. read_timeout_s: how long to wait for data. Raises Unavailable."""
    if settings.memu_api_key is None:
        raise Unavailable("memU is not configured: set MEMU_API_KEY")
    await asyncio.to_thread(
        _post,
        f"{settings.memu_base_url}/api/v3/memory/retrieve",
        settings.memu_api_key.get_secret_value(),
        {"user_id": settings.default_user_id, "agent_id": settings.default_agent_id, "query": "hello"},
        read_timeout_s,
    )
    return "answered"


def _post(url: str, key: str, body: dict[str, str], read_timeout_s: float) -> None:
    """Post with the key, and expect JSON; runs in a thread, because httpx is slow to import. Raises Unavailable."""
    import httpx

    try:
        response = httpx.post(
            url,
            json=body,
            headers={"Authorization": f"Bearer {key}"},
            timeout=httpx.Timeout(read_timeout_s, connect=_CONNECT_TIMEOUT_S),
            follow_redirects=False,  # it would carry the key elsewhere
        )
        if response.status_code != httpx.codes.OK:
            raise Unavailable(f"{url} answered {response.status_code}; check the key and the address")
        response.json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise Unavailable(f"{url} does not answer ({type(error).__name__}); check the address") from error
