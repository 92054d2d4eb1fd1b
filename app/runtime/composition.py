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

from app.index.embedded.setup import EmbeddedSetup
from app.index.qdrant.setup import QdrantSetup
from app.memory.moments import zone_of
from app.memory.ports import Domain, DomainSettings, Elsewhere
from app.memory.types import Quota
from app.runtime.leader import FEEDER_LOCK, OUTBOX_LOCK

if TYPE_CHECKING:
    from app.embedding.local.folder import LocalModel
    from app.embedding.running import Embedding
    from app.embedding.service import EmbeddingService
    from app.index.setup import IndexFeeder, IndexSetup, IndexSource
    from app.memory.ports import MemoryStore, QuestionVectors, Reranker, SearchIndex
    from app.memu.search import MemuSearch
    from app.memu.sender import Sender
    from app.memu.service import MemuService
    from app.memu.watch import MemuWatch
    from app.reranking.in_time import RerankInTime
    from app.runtime.housekeeping import Housekeeping
    from app.settings.fields import Settings
    from app.store.change_log import PostgresChangeLog
    from app.store.database import Database, Refusal
    from app.store.heartbeat import Lock
    from app.store.outbox import PostgresOutbox
    from app.store.outbox_writing import OutboxWriting
    from app.store.postgres import PostgresStore
    from app.store.rate_limits import RateLimits


def index_setup(settings: Settings) -> IndexSetup:
    """Return the index engine that the settings choose; nothing else decides this."""
    return EmbeddedSetup(settings) if settings.qdrant_url is None else QdrantSetup(settings)


def domain_settings(settings: Settings) -> DomainSettings:
    """Return the settings of the domain."""
    return DomainSettings(
        piece_characters=settings.max_conversation_length,
        redact=settings.redact_secrets,
        reply_tokens=settings.reply_token_budget,
        zone=zone_of(settings.timezone),
    )


def outbox_writing(settings: Settings) -> OutboxWriting | None:
    """Return how writes are handed to memU; None where they stay here alone."""
    if settings.memory_backend == "local":
        return None
    from app.store.outbox_writing import OutboxWriting

    return OutboxWriting(characters=settings.max_conversation_length, keeps=settings.memory_backend == "both")


def domain_of(
    settings: Settings,
    store: MemoryStore,
    index: SearchIndex,
    questions: QuestionVectors | None = None,
    elsewhere: Elsewhere | None = None,
    reranker: Reranker | None = None,
) -> Domain:
    """Return the domain on a store and an index. elsewhere: the service that holds the memories; None: the store."""
    from app.store.rows import new_id

    return Domain(
        store=store,
        index=index,
        settings=domain_settings(settings),
        new_id=new_id,
        questions=questions,
        elsewhere=elsewhere,
        reranker=reranker,
    )


def database_of(
    settings: Settings, connect: Mapping[str, Any], *, long_lived: bool = False, refusal: Refusal | None = None
) -> Database:
    """Return the database, not open yet. connect: arguments of asyncpg.connect. refusal: see Database.

    long_lived: for a process that keeps running and watches a database server for outages; the embedded PostgreSQL has
    a supervisor instead.
    """
    from app.store.database import Database

    quota = Quota(settings.quota_memories, settings.quota_bytes)
    watched = long_lived and settings.database_url is not None
    zone = zone_of(settings.timezone)
    return Database(connect, quota, zone=zone, watched=watched, refusal=refusal or (lambda writes: None))


def change_log_of(settings: Settings, db: Database) -> PostgresChangeLog:
    """Return the change log, with the vectors of the embedding model in use."""
    from app.store.change_log import PostgresChangeLog

    return PostgresChangeLog(db, vectors_name(settings))


def vectors_name(settings: Settings) -> str | None:
    """Return the name of the vectors that a process with these settings uses; None when it uses none."""
    source = vectors_from(settings)
    return source.name if source is not None else None


def vectors_from(settings: Settings) -> EmbeddingService | LocalModel | None:
    """Return what gives vectors: the service of EMBEDDING_MODEL, else the model of the data directory, else nothing.

    Both have a `name`, under which vectors are stored.
    """
    from app.datadir.folder import MODELS_FOLDER
    from app.embedding.service import service_of

    service = service_of(settings)
    if service is not None or not (settings.data_dir / MODELS_FOLDER).is_dir():
        return service
    from app.embedding.local.folder import installed

    return installed(settings.data_dir)


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
    """Return what gives vectors, None when no model is set and none was added."""

    def build(source: EmbeddingService | LocalModel) -> Embedding:
        from app.embedding.running import Embedding  # imports httpx and numpy
        from app.store.embeddings import Embeddings

        return Embedding(source, Embeddings(db), settings.max_retry_attempts)

    source = vectors_from(settings)
    return await asyncio.to_thread(build, source) if source is not None else None


async def reranker_of(settings: Settings) -> RerankInTime | None:
    """Return what orders results again, None when no model is set; close it."""
    if settings.rerank_model is None:
        return None

    def build() -> RerankInTime | None:
        from app.reranking.in_time import RerankInTime  # imports httpx
        from app.reranking.service import service_of

        service = service_of(settings)
        return RerankInTime(service, settings.rerank_seconds) if service is not None else None

    return await asyncio.to_thread(build)


@dataclass(frozen=True, slots=True, kw_only=True)
class Memu:
    """memU in use: the service, the search there, and what is sent to it under a lock, by one process at a time."""

    service: MemuService
    search: MemuSearch
    watch: MemuWatch
    outbox: PostgresOutbox
    sender: Sender
    lock: Lock

    @property
    def problem(self) -> str | None:
        """Why memU does not answer or take what is sent, in one line."""
        return self.sender.problem or self.watch.problem or self.search.problem

    @property
    def key_refused(self) -> bool:
        """Whether memU refuses the key."""
        return self.sender.key_refused or self.watch.key_refused


def memu_service(settings: Settings) -> MemuService:
    """Return the configured memU service. Imports httpx: call it in a thread. Raises Unavailable without a key."""
    from app.errors import Unavailable
    from app.memu.client import MemuClient
    from app.memu.service import Generation

    if settings.memu_api_key is None:
        raise Unavailable("memU is not configured: set MEMU_API_KEY")
    return MemuClient(
        str(settings.memu_base_url),
        settings.memu_api_key.get_secret_value(),
        Generation(settings.memu_api_version),
        timeout_s=settings.memu_timeout_seconds,
        tries=settings.max_retry_attempts,
    )


async def memu_of(settings: Settings, db: Database) -> Memu | None:
    """Return memU with its outbox, None when memories are kept here alone."""
    if settings.memory_backend == "local":
        return None
    from app.memu.search import MemuSearch
    from app.memu.sender import Sender
    from app.memu.watch import MemuWatch
    from app.store.outbox import PostgresOutbox

    service = await asyncio.to_thread(memu_service, settings)
    outbox = PostgresOutbox(db, keeps=settings.memory_backend == "both", agent=settings.default_agent_id)
    lock = db.lock(OUTBOX_LOCK)
    return Memu(
        service=service,
        search=MemuSearch(service, settings.default_agent_id, settings.memu_search_seconds),
        watch=MemuWatch(service, settings.default_user_id, settings.default_agent_id),
        outbox=outbox,
        sender=Sender(outbox, service, lock.confirmed),
        lock=lock,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """An open database with its stores, and with the work that one process at a time does on it."""

    settings: Settings
    db: Database
    store: PostgresStore
    rate_limits: RateLimits
    source: IndexSource
    housekeeping: Housekeeping
    embedding: Embedding | None
    feeding: Feeding | None
    memu: Memu | None

    @property
    def elsewhere(self) -> Elsewhere | None:
        """The service that holds the memories in the store's place."""
        if self.memu is None or self.settings.memory_backend != "memu":
            return None
        return Elsewhere(search=self.memu.search, outbox=self.memu.outbox)


@asynccontextmanager
async def opened(settings: Settings, db: Database, *, fold_every_s: float | None = None) -> AsyncIterator[Opened]:
    """Yield what a long-lived process uses on an open database.

    fold_every_s: shorter than the default in a process that does not learn of changes.
    """
    from app.runtime.housekeeping import Housekeeping
    from app.store.postgres import PostgresStore
    from app.store.rate_limits import RateLimits

    store, log, rate_limits = PostgresStore(db, outbox_writing(settings)), change_log_of(settings, db), RateLimits(db)
    housekeeping = Housekeeping(store, log, rate_limits, fold_every_s=fold_every_s)
    source = index_source(log, db, housekeeping.applied)
    async with AsyncExitStack() as stack:
        feeding = feeding_of(settings, db, source)
        if feeding is not None:
            stack.push_async_callback(feeding.feeder.close)
        embedding = await embedding_of(settings, db)
        if embedding is not None:
            stack.push_async_callback(embedding.close)
        memu = await memu_of(settings, db)
        if memu is not None:
            stack.push_async_callback(memu.service.close)
        yield Opened(
            settings=settings,
            db=db,
            store=store,
            rate_limits=rate_limits,
            source=source,
            housekeeping=housekeeping,
            embedding=embedding,
            feeding=feeding,
            memu=memu,
        )
