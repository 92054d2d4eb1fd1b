"""Tokens and clients, whether a server runs or not."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from app.access.tokens import digest
from app.errors import NotFound
from app.ops import tokens
from app.store.database import Database
from app.store.oauth_clients import OAuthClients
from app.store.tokens import Tokens
from tests.support.cli import url_of


@pytest.fixture(autouse=True)
def on_the_tests_database(connect_arguments: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", url_of(connect_arguments))


async def test_a_new_token_opens_its_user_until_it_is_revoked(database: Database) -> None:
    value, made = await asyncio.to_thread(tokens.create, None, "ann", ["read"], timedelta(days=1))

    found = await Tokens(database).find(digest(value))
    assert found is not None
    assert (found.id, found.user, found.scopes) == (made.id, "ann", ("read",))
    assert made.expires_at is not None
    assert made.expires_at - made.created_at < timedelta(days=1, seconds=5)
    assert [one.id for one in await asyncio.to_thread(tokens.listing, None)] == [made.id]

    await asyncio.to_thread(tokens.revoke, None, made.id)

    assert await Tokens(database).find(digest(value)) is None
    with pytest.raises(NotFound, match="no live token has the id"):
        await asyncio.to_thread(tokens.revoke, None, made.id)


async def test_a_client_typed_by_hand_stays_without_a_grant(database: Database) -> None:
    client, secret = await asyncio.to_thread(tokens.create_client, None, "Claude", ["https://app.example"])

    [stored] = await OAuthClients(database).all()
    assert (stored.id, stored.expires_at, stored.secret_digest) == (client.id, None, digest(secret))
    assert stored.metadata["redirect_uris"] == ["https://app.example"]
    assert [one.id for one in await asyncio.to_thread(tokens.clients, None)] == [client.id]
