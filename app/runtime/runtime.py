"""The running app: builds the store, the index and the domain's parts, starts and stops them in order."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from app.errors import InvalidSettings, MemoryServerError, Unavailable
from app.memory.ports import Domain, DomainSettings
from app.memory.types import Quota
from app.process.memory_trim import give_memory_back
from app.runtime.components import Component, Status
from app.runtime.leader import FEEDER_LOCK, WORKER_LOCK

if TYPE_CHECKING:  # these come with asyncpg and the engine, which load after the port answers
    from app.embedding.running import Embedding
    from app.embedding.service import Service
    from app.index.follower import Follower
    from app.index.qdrant.feeder import Feeder
    from app.index.qdrant.search import RemoteIndex
    from app.runtime.housekeeping import Housekeeping
    from app.runtime.report import Report
    from app.settings.fields import Settings
    from app.store.change_log import PostgresChangeLog
    from app.store.database import Database
    from app.store.embedded import EmbeddedPostgres
    from app.store.oauth import OAuthStore
    from app.store.postgres import PostgresStore
    from app.store.rate_limits import RateLimits
    from app.store.tokens import Tokens

logger = logging.getLogger(__name__)

# What `_start` and the tools import, heaviest first. `app.serve.server` imports them in a thread before `start` is
# called, so that the event loop answers meanwhile; a test compares this with what a start imports.
RUNTIME_MODULES = (
    "app.serve.mcp.tools",
    "app.serve.mcp.resources",
    "app.store.database",
    "app.store.change_log",
    "app.store.oauth",
    "app.store.postgres",
    "app.store.rate_limits",
    "app.store.rows",
    "app.store.tokens",
    "app.embedding.service",
    "app.runtime.background",
    "app.runtime.housekeeping",
)
EMBEDDED_INDEX_MODULES = ("app.index.follower", "app.index.edge")
REMOTE_INDEX_MODULES = (
    "app.index.qdrant.server",
    "app.index.qdrant.search",
    "app.index.qdrant.feeder",
    "app.store.collections",
)

_LOOK_S = 15.0
_PROBE_TIMEOUT_S = 10.0
_FILL_WAIT_S = 2.0  # an index that takes longer to build is built while searches do without it


class Runtime:
    """Owns everything that runs. `ready` is set when all of it is up; calls that need the store wait for it."""

    def __init__(
        self,
        settings: Settings,
        postgres: EmbeddedPostgres | None = None,
        postgres_started: Future[None] | None = None,
        on_step: Callable[[str], None] | None = None,
    ) -> None:
        """postgres: the embedded server, whose start began elsewhere and ends with `postgres_started`.

        on_step: told the name of each step of the start when it is done.
        """
        self.settings = settings
        self.started_at = time.monotonic()
        self.ready = asyncio.Event()
        self.observers: list[Callable[[str, str, str, float], None]] = []
        self._postgres = postgres
        self._postgres_started = postgres_started
        self._on_step = on_step or (lambda step: None)
        self._db: Database | None = None
        self._store: PostgresStore | None = None
        self._embedding: Embedding | None = None
        self._tokens: Tokens | None = None
        self._oauth: OAuthStore | None = None
        self._index: Follower | RemoteIndex | None = None
        self._feeder: Feeder | None = None
        self._wake_index: Callable[[], None] = lambda: None
        self._parts: Domain | None = None
        self.rate_limits: RateLimits | None = None  # of all processes on this database, once it is open
        self._background: list[asyncio.Task[None]] = []
        self._failure: MemoryServerError | None = None
        self._database_problem: str | None = None

    @property
    def domain(self) -> Domain:
        """What the domain works on. Raises Unavailable until the start is over."""
        if self._parts is None:
            raise self._failure or Unavailable("the server is starting or stopping; try again in a second")
        return self._parts

    @property
    def oauth(self) -> OAuthStore:
        """What sign-in keeps; there where PUBLIC_URL is set. Raises Unavailable until the database is open."""
        if self._oauth is None:
            raise self._failure or Unavailable("the server is starting or stopping; try again in a second")
        return self._oauth

    @property
    def tokens(self) -> Tokens:
        """The access tokens. Raises Unavailable until the database is open."""
        if self._tokens is None:
            raise self._failure or Unavailable("the server is starting or stopping; try again in a second")
        return self._tokens

    async def start(self) -> None:
        """Open the database, migrate, open the index, follow the log. Raises MemoryServerError."""
        try:
            await self._start()
            self._failure = None
        except MemoryServerError as error:
            self._failure = error
            await self._close_parts()
            raise

    async def _start(self) -> None:
        from app.embedding.service import service_of
        from app.runtime.background import background_work, kept_up
        from app.runtime.housekeeping import Housekeeping
        from app.store.change_log import PostgresChangeLog
        from app.store.postgres import PostgresStore
        from app.store.rate_limits import RateLimits
        from app.store.rows import new_id
        from app.store.tokens import Tokens

        settings = self.settings
        service = service_of(settings)
        if settings.memory_backend == "memu":
            raise InvalidSettings("MEMORY_BACKEND: got 'memu', but this version keeps memories itself only; set local")
        self._on_step("modules loaded")
        db = await self._open_database()
        self._tokens = Tokens(db, settings.public_url)
        self._oauth = self._sign_ins(db)
        self.rate_limits = RateLimits(db)
        self._store = PostgresStore(db)
        log = PostgresChangeLog(db, service.name if service else None)
        if service is not None:  # brings httpx and numpy
            self._embedding = await asyncio.to_thread(_embedding, service, db, settings.max_retry_attempts)
        housekeeping = Housekeeping(self._store, log, self.rate_limits)
        index = await (self._open_index if settings.qdrant_url is None else self._open_remote_index)(log, housekeeping)
        self._on_step("index open")
        self._parts = Domain(
            store=self._store,
            index=index,
            settings=DomainSettings(
                piece_characters=settings.max_conversation_length,
                redact=settings.redact_secrets,
                reply_tokens=settings.reply_token_budget,
            ),
            new_id=new_id,
            questions=self._embedding.questions if self._embedding else None,
        )
        works = [*background_work(db, housekeeping, self._feeder, self._embedding), self._look_after]
        self._background = [asyncio.create_task(kept_up(work)) for work in works]
        self.ready.set()
        self._on_step("ready")

    async def _open_database(self) -> Database:
        from app.store.database import Database

        if self._postgres_started is not None:
            await asyncio.wrap_future(self._postgres_started)
            self._on_step("PostgreSQL started")
        settings = self.settings
        quota = Quota(settings.quota_memories, settings.quota_bytes)
        db = self._db = Database(self._connect_arguments(), quota, watched=settings.database_url is not None)
        applied = await db.open()
        self._on_step(f"schema ready, {applied} files applied" if applied else "schema ready")
        return db

    def _sign_ins(self, db: Database) -> OAuthStore | None:
        """Return what sign-in keeps, where clients can sign in."""
        from app.store.oauth import OAuthStore

        settings = self.settings
        if settings.public_url is None:
            return None
        access_for = timedelta(minutes=settings.oauth_access_token_minutes)
        refresh_for = timedelta(days=settings.oauth_refresh_token_days)
        return OAuthStore(db, settings.public_url, access_for, refresh_for)

    def _connect_arguments(self) -> dict[str, Any]:
        if self.settings.database_url is not None:
            return {"dsn": self.settings.database_url.get_secret_value()}
        if self._postgres is None:
            raise Unavailable("there is no database: neither DATABASE_URL is set nor the embedded server was started")
        return dict(self._postgres.connect_args)

    async def _open_index(self, log: PostgresChangeLog, housekeeping: Housekeeping) -> Follower:
        from app.index.edge import EdgeEngine
        from app.index.follower import Follower

        folder = self.settings.data_dir / "index"
        follower = self._index = Follower(
            log, lambda database, space: EdgeEngine.open(folder, database, space), housekeeping.applied
        )
        self._wake_index = follower.wake
        await follower.start()
        await follower.wait_filled(_FILL_WAIT_S)
        return follower

    async def wait_for_index(self, timeout_s: float) -> None:
        """Wait until the embedded index is filled, but no longer than `timeout_s`; none waits for a server."""
        from app.index.follower import Follower

        if isinstance(self._index, Follower):
            await self._index.wait_filled(timeout_s)

    async def _open_remote_index(self, log: PostgresChangeLog, housekeeping: Housekeeping) -> RemoteIndex:
        from app.index.qdrant.feeder import Feeder
        from app.index.qdrant.search import RemoteIndex
        from app.index.qdrant.server import QdrantServer
        from app.store.collections import Collections

        assert self._db is not None
        self._feeder = Feeder(log, self._db, self.settings, housekeeping.applied, self._db.lock(FEEDER_LOCK))
        self._wake_index = self._feeder.wake
        index = self._index = RemoteIndex(log, Collections(self._db), QdrantServer.of(self.settings))
        await index.start()
        return index

    async def stop(self) -> None:
        """Stop everything in order: housekeeping, index, connections, PostgreSQL; idempotent."""
        self.ready.clear()
        self._parts = None
        for task in self._background:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self._background = []
        await self._close_parts()
        if self._postgres is not None:
            await asyncio.to_thread(self._postgres.stop)

    async def _close_parts(self) -> None:
        self._tokens = self._oauth = self.rate_limits = None
        if self._embedding is not None:
            await self._embedding.close()
            self._embedding = None
        if self._index is not None:
            await self._index.stop()
            self._index = None
        if self._feeder is not None:
            await self._feeder.close()
            self._feeder = None
        if self._db is not None:
            await self._db.close()
            self._db = None

    async def wait_ready(self, timeout_s: float = 30.0) -> None:
        """Wait until everything is up. Raises Unavailable, or what made the start fail."""
        if self.ready.is_set():
            return
        if self._failure is not None:
            raise self._failure
        try:
            async with asyncio.timeout(timeout_s):
                await self.ready.wait()
        except TimeoutError:
            raise Unavailable(f"the server was not ready within {timeout_s:.0f} s; try again") from None

    def wrote(self) -> None:
        """Tell the index that something was written, so that the next search finds it applied."""
        self._wake_index()
        if self._embedding is not None:
            self._embedding.pending.wake()

    async def rebuild_index(self) -> None:
        """Make the embedded index anew; searches do without it meanwhile. One on a server is its feeder's business."""
        from app.index.follower import Follower

        if isinstance(self._index, Follower):
            await self._index.rebuild()

    def filling(self) -> dict[str, Any] | None:
        """Return how the filling of the embedded index goes, as app.index.follower.Filling; None without one."""
        if self._index is None:
            return None
        from app.index.follower import Follower

        return asdict(self._index.filling) if isinstance(self._index, Follower) else None

    def called(self, tool: str, user: str, outcome: str, seconds: float) -> None:
        """Count and log a finished call of a tool."""
        for observer in self.observers:
            observer(tool, user, outcome, seconds)

    def components(self) -> list[Component]:
        """Return the state of every component, from memory: never blocks."""
        components = [self._database_component(), self._index_component()]
        if self._embedding is not None:
            problem = self._embedding.problem
            status = Status.DEGRADED if problem else Status.OK
            components.append(Component(name="embeddings", status=status, detail=problem))
        return components

    def _database_component(self) -> Component:
        if self._failure is not None:
            return Component(name="postgres", status=Status.DEGRADED, detail=str(self._failure))
        if not self.ready.is_set():
            return Component(name="postgres", status=Status.STARTING)
        failure = self._postgres.failure if self._postgres is not None else None
        watched = self._db.problem if self._db is not None else None
        problem = str(failure) if failure is not None else watched or self._database_problem
        return Component(name="postgres", status=Status.DEGRADED if problem else Status.OK, detail=problem)

    def _index_component(self) -> Component:
        if self._index is None or not self.ready.is_set():
            return Component(name="index", status=Status.STARTING)
        problem = self._index.problem
        return Component(name="index", status=Status.DEGRADED if problem else Status.OK, detail=problem)

    async def probe(self, name: str, *, counts: bool = True) -> dict[str, Any]:
        """Do a real round trip to one component: {ok, milliseconds, detail}.

        name: postgres, index, embeddings, memu. counts: whether the detail may count what all users have.
        """
        from app.runtime import probes

        started = time.perf_counter()
        try:
            async with asyncio.timeout(_PROBE_TIMEOUT_S):
                if name == "postgres":
                    detail = await probes.postgres(self._store)
                elif name == "index":
                    points = await probes.index(self._index, self.settings.default_user_id)
                    detail = f"{points} points" if counts else "answered"
                elif name == "embeddings":
                    detail = await probes.embeddings(self.settings)
                else:
                    detail = await probes.memu(self.settings)
            ok = True
        except (MemoryServerError, TimeoutError) as error:
            ok, detail = False, str(error) or f"no answer within {_PROBE_TIMEOUT_S:.0f} s"
        return {"ok": ok, "milliseconds": round((time.perf_counter() - started) * 1000, 2), "detail": detail}

    async def report(self) -> Report:
        """Return what this installation is, without a secret. Raises Unavailable."""
        from app.runtime import report

        found = await asyncio.to_thread(report.report, self.settings)
        if self._store is None or self._index is None:
            raise self._failure or Unavailable("the server is starting or stopping; try again in a second")
        await report.add_store(found, self._store)
        await report.add_index(found, self._index)
        return found

    async def numbers(self) -> dict[str, float]:
        """Return the gauges that cost a query, by the names that /status shows them under."""
        if self._store is None or self._index is None:
            return {}
        memories, size = await self._store.size()
        lag_changes, lag_seconds = self._index.lag
        backed_up_at, verified_at = await self._store.backup_times()
        found: dict[str, float] = {}
        if self.settings.database_url is not None:  # the embedded one has no workers
            found["worker_leads"] = float(await self._store.db.is_held(WORKER_LOCK))
        return found | {
            "memories": memories,
            "database_bytes": size,
            "index_lag_changes": lag_changes,
            "index_lag_seconds": lag_seconds,
            "backup_last_success": backed_up_at,
            "backup_last_verified": verified_at,
        }

    async def numbers_of(self, user: str) -> dict[str, float]:
        """Return what one user keeps, archived memories included: all that a caller without `admin` is told."""
        from app.store.users import Users

        if self._db is None or self._store is None:
            return {}
        use = await Users(self._db).use(user)
        return {"memories": use.memories, "bytes": use.bytes}

    async def _look_after(self) -> None:
        """Note whether the embedded database answers, and give memory back that large work has left.

        A database server has its heartbeat: that a busy pool keeps a question waiting is no outage.
        """
        while True:
            if self.settings.database_url is None:
                await self._ask_database()
            give_memory_back()
            await asyncio.sleep(_LOOK_S if self._database_problem is None else 1.0)

    async def _ask_database(self) -> None:
        assert self._store is not None
        try:
            await self._store.ping()
            self._database_problem = None
        except MemoryServerError as error:
            if self._database_problem is None:
                logger.warning("%s", error)
            self._database_problem = str(error)


def _embedding(service: Service, db: Database, tries: int) -> Embedding:
    from app.embedding.running import Embedding
    from app.store.embeddings import Embeddings

    return Embedding(service, Embeddings(db), tries)
