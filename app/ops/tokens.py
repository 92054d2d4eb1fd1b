"""Access tokens from the command line, whether the server runs or not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from app.errors import NotFound
from app.memory.access import Token
from app.ops.database import open_database
from app.serve.auth import digest, new_token
from app.settings import load_settings
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
        async with open_database(load_settings({"memory_data_dir": data_dir}), "token") as db:
            return await question(Tokens(db))

    return asyncio.run(ask())
