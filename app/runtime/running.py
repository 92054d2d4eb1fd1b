"""Opens everything a server has while it is up: stores, index, domain, background work."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from app.runtime.background import background_work, kept_up
from app.runtime.composition import Opened, domain_of, index_setup, opened, reranker_of
from app.runtime.database_watch import DatabaseWatch
from app.store.tokens import Tokens

if TYPE_CHECKING:
    from app.index.setup import Index
    from app.memory.ports import Domain
    from app.reranking.in_time import RerankInTime
    from app.settings.fields import Settings
    from app.store.database import Database
    from app.store.oauth import OAuthStore

_FILL_WAIT_S = 1.0  # after this the server starts, and searches work without the index until it is built


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A server's parts.

    oauth: the store of sign-ins; None when PUBLIC_URL is not set. reranker: None when no model is set.
    """

    opened: Opened
    index: Index
    domain: Domain
    tokens: Tokens
    oauth: OAuthStore | None
    watch: DatabaseWatch
    reranker: RerankInTime | None

    @property
    def database_problem(self) -> str | None:
        """Why the database does not answer, in one line; None while it does."""
        return self.opened.db.problem or self.watch.problem

    def wrote(self) -> None:
        """Wake the parts that follow the store, after a write."""
        self.index.wake()
        if self.opened.feeding is not None:
            self.opened.feeding.feeder.wake()
        if self.opened.embedding is not None:
            self.opened.embedding.pending.wake()
        if self.opened.memu is not None:
            self.opened.memu.sender.wake()


@asynccontextmanager
async def running(
    settings: Settings,
    db: Database,
    on_step: Callable[[str], None],
    shortage: Callable[[], str | None] | None = None,
) -> AsyncIterator[Running]:
    """Start everything on an open database and yield it. Raises MemoryServerError.

    on_step: called with the name of each step of the start when it is done.
    shortage: returns why nothing can be stored on the embedded database's disk, None if it can be.
    """
    async with opened(settings, db) as parts, AsyncExitStack() as stack:
        index = index_setup(settings).index(parts.source)
        stack.push_async_callback(index.stop)
        await index.start()
        await index.wait_filled(_FILL_WAIT_S)
        on_step("index open")
        watch = DatabaseWatch(parts.store, embedded=settings.database_url is None, shortage=shortage)
        works = [*background_work(parts), watch.run]
        tasks = [asyncio.create_task(kept_up(work)) for work in works]
        stack.push_async_callback(_cancel, tasks)
        tokens = Tokens(db, settings.public_url)
        if settings.admin_token is not None:  # where nothing runs `init`
            await tokens.ensure_admin(settings.admin_token.get_secret_value(), settings.default_user_id)
        reranker = await reranker_of(settings)
        if reranker is not None:
            stack.push_async_callback(reranker.close)
        questions = parts.embedding.questions if parts.embedding is not None else None
        domain = domain_of(settings, parts.store, index, questions, parts.elsewhere, reranker)
        stack.push_async_callback(domain.preparing.close)
        yield Running(
            opened=parts,
            index=index,
            domain=domain,
            tokens=tokens,
            oauth=_sign_ins(settings, db),
            watch=watch,
            reranker=reranker,
        )


async def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _sign_ins(settings: Settings, db: Database) -> OAuthStore | None:
    """Return the store of sign-ins; None when clients cannot sign in."""
    if settings.public_url is None:
        return None
    from app.store.oauth import OAuthStore

    access_for = timedelta(minutes=settings.oauth_access_token_minutes)
    refresh_for = timedelta(days=settings.oauth_refresh_token_days)
    return OAuthStore(db, settings.public_url, access_for, refresh_for)
