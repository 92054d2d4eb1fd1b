"""Access tokens from the command line, whether the server runs or not.

With the embedded PostgreSQL this joins the running server over its socket, or starts it for as long as it takes.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from app.errors import NotFound
from app.memory.access import Token
from app.serve.auth import digest, new_token
from app.settings import Settings, load_settings
from app.store.database import Database
from app.store.tokens import Tokens

Answer = TypeVar("Answer")


def create(data_dir: str | None, user: str, scopes: Sequence[str], expires_in: timedelta | None) -> tuple[str, Token]:
    """Store a new token; return its value, which nobody will see again, and what is stored of it."""
    value = new_token()
    expires_at = None if expires_in is None else datetime.now(UTC) + expires_in
    return value, _ask(data_dir, lambda tokens: tokens.create(digest(value), user, scopes, expires_at))


def listing(data_dir: str | None) -> list[Token]:
    """Return all tokens, newest first."""
    return _ask(data_dir, lambda tokens: tokens.list())


def revoke(data_dir: str | None, token_id: str) -> None:
    """Revoke a token. Raises NotFound."""
    if not _ask(data_dir, lambda tokens: tokens.revoke(token_id)):
        raise NotFound(f"no live token has the id {token_id!r}; claude-memory token list shows them")


def _ask(data_dir: str | None, question: Callable[[Tokens], Awaitable[Answer]]) -> Answer:
    async def ask() -> Answer:
        async with open_tokens(load_settings({"memory_data_dir": data_dir})) as tokens:
            return await question(tokens)

    return asyncio.run(ask())


@asynccontextmanager
async def open_tokens(settings: Settings) -> AsyncIterator[Tokens]:
    """Open the token store of these settings. Raises MemoryServerError."""
    async with _database(settings) as connect:
        db = Database(connect)
        try:
            await db.open()
            yield Tokens(db)
        finally:
            await db.close()


@asynccontextmanager
async def _database(settings: Settings) -> AsyncIterator[dict[str, Any]]:
    if settings.database_url is not None:
        yield {"dsn": settings.database_url.get_secret_value()}
        return
    from app.local.lock import DataDirectoryLock, holder
    from app.store.embedded import EmbeddedPostgres

    postgres = EmbeddedPostgres(settings.data_dir)
    if holder(settings.data_dir) is not None:
        yield dict(postgres.connect_args)
        return
    lock = DataDirectoryLock(settings.data_dir)
    lock.acquire("")
    try:
        await asyncio.to_thread(postgres.start)
        yield dict(postgres.connect_args)
    finally:
        await asyncio.to_thread(postgres.stop)
        lock.release()
