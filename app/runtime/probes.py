"""Probes each component with a real round trip, for /test and doctor."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from app.counted import counted
from app.errors import MemoryServerError, RerankUnavailable, Unavailable
from app.memu.service import Generation

if TYPE_CHECKING:
    from app.runtime.running import Running
    from app.settings.fields import Settings
    from app.store.database import Database

_TIMEOUT_S = 10.0
_ANSWER_S = 4.0  # twice, within the time of a probe


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
        "rerank": lambda: rerank(settings),
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
    from app.runtime.composition import vectors_from

    source = vectors_from(settings)
    if source is None:
        raise Unavailable("no embedding model is set (EMBEDDING_MODEL); search goes by words alone")
    from app.embedding.running import embedder_of

    embedder = embedder_of(source, tries=1)
    try:
        [vector] = await embedder.embed(["hello"], "query")
    finally:
        await embedder.close()
    return f"{len(vector or ())} dimensions"


async def rerank(settings: Settings) -> str:
    """Have two texts ordered, within the time that a search has. Raises Unavailable."""
    if settings.rerank_model is None:
        raise Unavailable("no rerank model is set (RERANK_MODEL); results stay in the order of the search")
    from app.reranking.client import RerankClient
    from app.reranking.in_time import late
    from app.reranking.service import service_of

    service = service_of(settings)
    assert service is not None
    client = RerankClient(service)
    try:
        async with asyncio.timeout(settings.rerank_seconds):
            await client.relevances("Which one is a fruit?", ["An apple.", "A bicycle."])
    except TimeoutError:
        raise RerankUnavailable(late(service.host, settings.rerank_seconds)) from None
    finally:
        await client.close()
    return f"{service.host} orders texts"


async def memu(settings: Settings, *, answer_s: float = _ANSWER_S) -> str:
    """Make a harmless request to memU with the key, and return who answered. Raises MemuUnavailable and Unavailable.

    answer_s: how long an answer may take. Where the configured generation of the API is not spoken, the others are
    tried, so that the message can name one that is.
    """
    from app.memu.trial import speaking
    from app.runtime.composition import memu_service

    user, agent = settings.default_user_id, settings.default_agent_id
    quick = {"memu_timeout_seconds": answer_s, "max_retry_attempts": 1}
    services = {
        version: await asyncio.to_thread(
            memu_service, settings.model_copy(update={**quick, "memu_api_version": version})
        )
        for version in Generation
    }
    try:
        return await speaking(services, Generation(settings.memu_api_version), user, agent)
    finally:
        for service in services.values():
            await service.close()
