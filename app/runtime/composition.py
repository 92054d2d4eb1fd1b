"""Builds the components that every mode needs from the settings: the database with its stores, the index, the domain.

Serve, worker, reindex, import and verify all use it. Imports inside the functions are late, so that each mode loads
only what it uses; a server loads them in a thread beforehand (`app.runtime.runtime.preload`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.index.edge.setup import EdgeSetup
from app.index.qdrant.setup import QdrantSetup
from app.memory.ports import Domain, DomainSettings
from app.memory.types import Quota
from app.runtime.leader import FEEDER_LOCK

if TYPE_CHECKING:
    from app.embedding.running import Embedding
    from app.index.setup import IndexFeeder, IndexSetup, IndexSource
    from app.memory.ports import MemoryStore, QuestionVectors, SearchIndex
    from app.runtime.housekeeping import Housekeeping
    from app.settings.fields import Settings
    from app.store.change_log import PostgresChangeLog
    from app.store.database import Database
    from app.store.heartbeat import Lock
    from app.store.postgres import PostgresStore
    from app.store.rate_limits import RateLimits


def index_setup(settings: Settings) -> IndexSetup:
    """Return the index engine that the settings choose; nothing else decides this."""
    return EdgeSetup(settings) if settings.qdrant_url is None else QdrantSetup(settings)


def domain_settings(settings: Settings) -> DomainSettings:
    """Return the settings of the domain."""
    return DomainSettings(
        piece_characters=settings.max_conversation_length,
        redact=settings.redact_secrets,
        reply_tokens=settings.reply_token_budget,
    )


def domain_of(
    settings: Settings, store: MemoryStore, index: SearchIndex, questions: QuestionVectors | None = None
) -> Domain:
    """Return the domain on a store and an index."""
    from app.store.rows import new_id

    return Domain(store=store, index=index, settings=domain_settings(settings), new_id=new_id, questions=questions)


def database_of(settings: Settings, connect: Mapping[str, Any], *, long_lived: bool = False) -> Database:
    """Return the database, not open yet. connect: arguments of asyncpg.connect.

    long_lived: for a process that keeps running and watches a database server for outages; the embedded PostgreSQL has
    a supervisor instead.
    """
    from app.store.database import Database

    quota = Quota(settings.quota_memories, settings.quota_bytes)
    return Database(connect, quota, watched=long_lived and settings.database_url is not None)


def change_log_of(settings: Settings, db: Database) -> PostgresChangeLog:
    """Return the change log, with the vectors of the configured embedding model."""
    from app.embedding.service import service_of
    from app.store.change_log import PostgresChangeLog

    service = service_of(settings)
    return PostgresChangeLog(db, service.name if service is not None else None)


def index_source(
    log: PostgresChangeLog, db: Database, on_applied: Callable[[int], None] = lambda changes: None
) -> IndexSource:
    """Return the source an index is built from. on_applied: called after each round with the number of changes."""
    from app.index.setup import IndexSource
    from app.store.collections import PostgresCollections

    return IndexSource(log=log, collections=PostgresCollections(db), on_applied=on_applied)


@dataclass(frozen=True, slots=True)
class Feeding:
    """A feeder and its lock, which lets one process at a time run it."""

    feeder: IndexFeeder
    lock: Lock


def feeding_of(settings: Settings, db: Database, source: IndexSource) -> Feeding | None:
    """Return the feeder of the shared index and its lock; None when each process has its own index."""
    shared = index_setup(settings).shared
    if shared is None:  # do not ask for the lock: that would keep it from processes that can feed
        return None
    lock = db.lock(FEEDER_LOCK)
    return Feeding(shared.feeder(source, lock.confirmed), lock)


async def embedding_of(settings: Settings, db: Database) -> Embedding | None:
    """Return the embedding service, None when no model is set."""
    from app.embedding.service import EmbeddingService, service_of

    def build(service: EmbeddingService) -> Embedding:
        from app.embedding.running import Embedding  # imports httpx and numpy
        from app.store.embeddings import Embeddings

        return Embedding(service, Embeddings(db), settings.max_retry_attempts)

    service = service_of(settings)
    return await asyncio.to_thread(build, service) if service is not None else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """An open database with its stores, and with the work that one process at a time does on it."""

    db: Database
    store: PostgresStore
    rate_limits: RateLimits
    source: IndexSource
    housekeeping: Housekeeping
    embedding: Embedding | None
    feeding: Feeding | None


@asynccontextmanager
async def opened(settings: Settings, db: Database, *, fold_every_s: float | None = None) -> AsyncIterator[Opened]:
    """Yield what a long-lived process uses on an open database.

    fold_every_s: shorter than the default in a process that does not learn of changes.
    """
    from app.runtime.housekeeping import Housekeeping
    from app.store.postgres import PostgresStore
    from app.store.rate_limits import RateLimits

    store, log, rate_limits = PostgresStore(db), change_log_of(settings, db), RateLimits(db)
    housekeeping = Housekeeping(store, log, rate_limits, fold_every_s=fold_every_s)
    source = index_source(log, db, housekeeping.applied)
    async with AsyncExitStack() as stack:
        feeding = feeding_of(settings, db, source)
        if feeding is not None:
            stack.push_async_callback(feeding.feeder.close)
        embedding = await embedding_of(settings, db)
        if embedding is not None:
            stack.push_async_callback(embedding.close)
        yield Opened(
            db=db,
            store=store,
            rate_limits=rate_limits,
            source=source,
            housekeeping=housekeeping,
            embedding=embedding,
            feeding=feeding,
        )
