"""Starts and stops everything in a server in order, reports the state of each component, and gives callers access."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from contextlib import AsyncExitStack
from dataclasses import asdict, replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

from app.counted import counted
from app.errors import IndexUnavailable, MemoryServerError, Unavailable
from app.runtime.components import Component, Status, without_paths

if TYPE_CHECKING:  # these come with asyncpg and the engine, which load after the port answers
    from app.memory.ports import Domain
    from app.runtime.report import InstallationReport
    from app.runtime.running import Running
    from app.settings.fields import Settings
    from app.store.database import Database
    from app.store.embedded import EmbeddedPostgres
    from app.store.oauth import OAuthStore
    from app.store.rate_limits import RateLimits
    from app.store.tokens import Tokens

# What `start` imports late, slowest first, besides the modules of the index; a test compares them.
RUNTIME_MODULES = (
    "app.store.address",
    "app.store.database",
    "app.store.change_log",
    "app.store.collections",
    "app.store.outbox",
    "app.store.postgres",
    "app.store.rate_limits",
    "app.store.rows",
    "app.embedding.service",
    "app.runtime.housekeeping",
    "app.runtime.numbers",
    "app.runtime.running",
)


def preload(settings: Settings) -> None:
    """Import what a start needs. Takes a second: call it in a thread, so that the event loop can answer meanwhile."""
    from app.runtime.composition import index_setup

    sign_in = () if settings.public_url is None else ("app.store.oauth",)
    for name in (*RUNTIME_MODULES, *sign_in, *index_setup(settings).modules):
        import_module(name)


class Runtime:
    """Owns everything that runs. `ready` is set once everything is up; calls that need the store wait for it."""

    def __init__(
        self,
        settings: Settings,
        postgres: EmbeddedPostgres | None = None,
        postgres_started: Future[None] | None = None,
        on_step: Callable[[str], None] | None = None,
        started_at: float | None = None,
    ) -> None:
        """postgres: the embedded server, which is already starting; `postgres_started` is done when it is up.

        on_step: called with the name of each step of the start when it is done. started_at: in time.monotonic(); None
        means now.
        """
        self.settings = settings
        self.started_at = time.monotonic() if started_at is None else started_at
        self.ready = asyncio.Event()
        self.observers: list[Callable[[str, str, str, float], None]] = []
        self._postgres, self._postgres_started = postgres, postgres_started
        self._on_step = on_step or (lambda step: None)
        self._db: Database | None = None  # open
        self._running: Running | None = None
        self._open = AsyncExitStack()  # what `stop` closes
        self._failure: MemoryServerError | None = None

    @property
    def running(self) -> Running:
        """All parts. Raises Unavailable until the start is over, or the error that made it fail."""
        if self._running is None:
            raise self._failure or Unavailable("the server is starting or stopping; try again in a second")
        return self._running

    @property
    def domain(self) -> Domain:
        """The domain. Raises Unavailable."""
        return self.running.domain

    @property
    def tokens(self) -> Tokens:
        """The access tokens. Raises Unavailable."""
        return self.running.tokens

    @property
    def oauth(self) -> OAuthStore:
        """The store of sign-ins; needs PUBLIC_URL. Raises Unavailable."""
        store = self.running.oauth
        assert store is not None
        return store

    @property
    def failed(self) -> bool:
        """Whether the last try to start failed; calls are told why at once."""
        return self._failure is not None

    @property
    def rate_limits(self) -> RateLimits | None:
        """The counts shared by all processes on this database; None until it is open."""
        return self._running.opened.rate_limits if self._running is not None else None

    async def start(self, check: Callable[[Tokens], Awaitable[None]] | None = None) -> None:
        """Open the database, migrate, open the index, follow the log. Raises MemoryServerError.

        check: raises MemoryServerError if the server must not become ready with these access tokens.
        """
        from app.runtime.running import running

        try:
            async with AsyncExitStack() as stack:
                self._db = db = await self._open_database(stack)
                shortage = self._postgres.shortage if self._postgres is not None else None
                parts = await stack.enter_async_context(running(self.settings, db, self._on_step, shortage))
                if check is not None:
                    await check(parts.tokens)
                self._running, self._open = parts, stack.pop_all()
        except MemoryServerError as error:
            self._db, self._failure = None, error
            raise
        self._failure = None
        self.ready.set()
        self._on_step("ready")

    async def _open_database(self, stack: AsyncExitStack) -> Database:
        from app.runtime.composition import database_of

        if self._postgres_started is not None:
            await asyncio.wrap_future(self._postgres_started)
            self._on_step("PostgreSQL started")
        postgres = self._postgres if self.settings.database_url is None else None
        refusal = postgres.refusal if postgres is not None else None
        db = database_of(self.settings, self._connect_arguments(), long_lived=True, refusal=refusal)
        stack.push_async_callback(db.close)
        applied = await db.open()
        self._on_step(f"schema ready, {counted(applied, 'file')} applied" if applied else "schema ready")
        return db

    def _connect_arguments(self) -> dict[str, Any]:
        if self.settings.database_url is not None:
            from app.store.address import connect_arguments

            return connect_arguments(self.settings.database_url.get_secret_value())
        if self._postgres is None:
            raise Unavailable("there is no database: DATABASE_URL is not set, and the embedded server was not started")
        return dict(self._postgres.connect_args)

    async def stop(self) -> None:
        """Stop everything in order: background work, index, connections, PostgreSQL; idempotent."""
        self.ready.clear()
        self._db = self._running = None
        await self._open.aclose()
        if self._postgres is not None:
            await asyncio.to_thread(self._postgres.stop)

    async def wait_ready(self, timeout_s: float = 30.0) -> None:
        """Wait until everything is up. Raises Unavailable, or the error that made the start fail."""
        if self.ready.is_set():
            return
        if failure := self._failure or self._postgres_failure:
            said = without_paths(str(failure), self.settings.data_dir)
            if said != str(failure):
                raise Unavailable(said)
            raise failure
        try:
            async with asyncio.timeout(timeout_s):
                await self.ready.wait()
        except TimeoutError:
            if failure := self._postgres_failure:
                raise failure from None
            raise Unavailable(f"the server was not ready within {timeout_s:.0f} s; try again") from None

    async def wait_for_index(self, timeout_s: float) -> None:
        """Wait at most `timeout_s` until the index is filled, if this process fills it."""
        await self.running.index.wait_filled(timeout_s)

    def wrote(self) -> None:
        """Wake the index after a write, so that the next search finds it."""
        if self._running is not None:
            self._running.wrote()

    async def rebuild_index(self) -> None:
        """Have the index rebuilt; searches work without it meanwhile."""
        if self._running is not None:
            await self._running.index.rebuild()

    def filling(self) -> dict[str, Any] | None:
        """Return the progress of filling the index, as app.index.setup.Filling; None when another process fills it."""
        filling = self._running.index.filling if self._running is not None else None
        return asdict(filling) if filling is not None else None

    def called(self, tool: str, user: str, outcome: str, seconds: float) -> None:
        """Report a finished tool call to the observers."""
        for observer in self.observers:
            observer(tool, user, outcome, seconds)

    def components(self) -> list[Component]:
        """Return the state of every component, from memory: never blocks."""
        running = self._running
        components = [self._database_component(), self._index_component()]
        if running is not None and running.opened.embedding is not None:
            components.append(Component.of("embeddings", running.opened.embedding.problem))
        if running is not None and running.reranker is not None:
            components.append(Component.of("rerank", running.reranker.problem))
        if running is not None and running.opened.memu is not None:
            components.append(Component.of("memu", running.opened.memu.problem))
        if running is not None and running.watch.disk_problem is not None:
            components.append(Component.of("disk", f"nothing can be stored: {running.watch.disk_problem}"))
        return [self._for_callers(component) for component in components]

    def _for_callers(self, component: Component) -> Component:
        detail = component.detail
        return replace(component, detail=without_paths(detail, self.settings.data_dir)) if detail else component

    @property
    def memu_key_refused(self) -> bool:
        """Whether memU is used and refuses the key."""
        memu = self._running.opened.memu if self._running is not None else None
        return memu is not None and memu.key_refused

    @property
    def _postgres_failure(self) -> Exception | None:
        """Why the embedded server does not run; None while it does, or is being started for the first time."""
        return self._postgres.failure if self._postgres is not None else None

    def _database_component(self) -> Component:
        if self._failure is not None and not isinstance(self._failure, IndexUnavailable):
            return Component.of("postgres", str(self._failure))
        if (failure := self._postgres_failure) is not None:
            return Component.of("postgres", str(failure))
        if self._db is None:
            return Component(name="postgres", status=Status.STARTING)
        problem = self._running.database_problem if self._running is not None else self._db.problem
        return Component.of("postgres", problem)

    def _index_component(self) -> Component:
        if self._running is not None:
            return Component.of("index", self._running.index.problem)
        if isinstance(self._failure, IndexUnavailable):
            return Component.of("index", str(self._failure))
        return Component(name="index", status=Status.STARTING)

    async def probe(self, name: str, *, counts: bool = True) -> dict[str, Any]:
        """Do a real round trip to one component: {ok, milliseconds, detail}.

        name: postgres, index, embeddings, rerank, memu. counts: whether the detail may give totals over all users.
        """
        from app.runtime import probes

        result = await probes.probe(name, self.settings, self._db, self._running, counts=counts)
        return {**result, "detail": without_paths(result["detail"], self.settings.data_dir)}

    async def report(self) -> InstallationReport:
        """Return the description of this installation, without secrets. Raises Unavailable."""
        from app.runtime import report

        installation = await asyncio.to_thread(report.installation_report, self.settings)
        await report.add_store(installation, self.running.opened.store)
        await report.add_index(installation, self.running.index)
        return installation

    async def numbers(self) -> dict[str, float]:
        """Return the totals over all users; empty until the start is over. Raises StoreUnavailable."""
        from app.runtime import numbers

        if self._running is None:
            return {}
        return await numbers.numbers(self._running, has_workers=self.settings.database_url is not None)

    async def numbers_of(self, user: str) -> dict[str, float]:
        """Return how much one user stores, which is all a caller without `admin` may see. Raises StoreUnavailable."""
        from app.runtime import numbers

        return await numbers.numbers_of(self._running, user) if self._running is not None else {}
