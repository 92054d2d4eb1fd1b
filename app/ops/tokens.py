"""Access tokens from the command line, with or without a running server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from app.access.tokens import Token, digest, new_token
from app.errors import NotFound
from app.runtime.command_database import Answer, ask_database
from app.settings.loading import load_settings
from app.store.database import Database
from app.store.oauth_clients import OAuthClient, OAuthClients
from app.store.tokens import Tokens


def create(data_dir: str | None, user: str, scopes: Sequence[str], expires_in: timedelta | None) -> tuple[str, Token]:
    """Store a new token; return its value, which is never shown again, and its record."""
    value = new_token()
    expires_at = None if expires_in is None else datetime.now(UTC) + expires_in
    return value, _ask(data_dir, lambda db: Tokens(db).create(digest(value), user, scopes, expires_at))


def listing(data_dir: str | None) -> list[Token]:
    """Return all tokens, and what was granted to clients, newest first."""
    return _ask(data_dir, lambda db: Tokens(db).list())


def revoke(data_dir: str | None, token_id: str) -> None:
    """Revoke a token, a client's grant, or a client with all its grants. Raises NotFound."""
    if not _ask(data_dir, lambda db: Tokens(db).revoke(token_id)):
        raise NotFound(f"no live token has the id {token_id!r}; claude-memory token list shows them")


def create_client(data_dir: str | None, name: str, redirects: Sequence[str]) -> tuple[OAuthClient, str]:
    """Store a client whose id and secret are typed by hand; return it with its secret, which is not stored."""
    secret = new_token()
    metadata = {
        "redirect_uris": list(redirects),
        "token_endpoint_auth_method": "client_secret_post",
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
    }
    client = OAuthClient(id=str(uuid4()), name=name, metadata=metadata, secret_digest=digest(secret))
    _ask(data_dir, lambda db: OAuthClients(db).add(client, None))
    return client, secret


def clients(data_dir: str | None) -> list[OAuthClient]:
    """Return all clients that users may allow, newest first."""
    return _ask(data_dir, lambda db: OAuthClients(db).all())


def _ask(data_dir: str | None, question: Callable[[Database], Awaitable[Answer]]) -> Answer:
    return ask_database(load_settings({"memory_data_dir": data_dir}), "token", question)
