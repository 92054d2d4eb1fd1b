"""Access tokens: found by their digest while they live, never kept themselves."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from app.store.database import Database
from app.store.oauth import OAuthStore
from app.store.tokens import Tokens
from tests.support.oauth import RESOURCE, add_client, grant, key

DIGEST = hashlib.sha256(b"secret").digest()


@pytest.fixture
def tokens(database: Database) -> Tokens:
    return Tokens(database)


async def test_a_token_is_found_by_its_digest_with_its_user_and_scopes(tokens: Tokens) -> None:
    made = await tokens.create(DIGEST, "alice", ["read", "write"], None)

    found = await tokens.find(DIGEST)

    assert found is not None
    assert (found.id, found.user, found.scopes) == (made.id, "alice", ("read", "write"))
    assert made.last_used_at is None
    assert found.last_used_at is not None


async def test_its_use_is_recorded_to_the_minute(tokens: Tokens, database: Database) -> None:
    await tokens.create(DIGEST, "alice", ["read"], None)
    first = await tokens.find(DIGEST)
    again = await tokens.find(DIGEST)
    assert first is not None
    assert again is not None
    assert again.last_used_at == first.last_used_at, "nothing was written"

    async with database.as_service() as connection:
        await connection.execute("update tokens set last_used_at = now() - interval '2 minutes'")
    later = await tokens.find(DIGEST)

    assert later is not None
    assert first.last_used_at is not None
    assert later.last_used_at is not None
    assert later.last_used_at > first.last_used_at


async def test_an_unknown_digest_finds_nothing(tokens: Tokens) -> None:
    await tokens.create(DIGEST, "alice", ["read"], None)

    assert await tokens.find(hashlib.sha256(b"guess").digest()) is None


async def test_an_expired_token_is_dead(tokens: Tokens) -> None:
    now = datetime.now(UTC)
    await tokens.create(DIGEST, "alice", ["read"], now - timedelta(seconds=1))

    assert await tokens.find(DIGEST) is None
    assert not await tokens.any_live()


async def test_a_revoked_token_is_dead_and_cannot_be_revoked_again(tokens: Tokens) -> None:
    made = await tokens.create(DIGEST, "alice", ["read"], datetime.now(UTC) + timedelta(days=1))
    assert await tokens.any_live()

    assert await tokens.revoke(made.id)

    assert await tokens.find(DIGEST) is None
    assert not await tokens.any_live()
    assert not await tokens.revoke(made.id)
    assert not await tokens.revoke("unknown")


async def test_the_list_shows_dead_ones_too_newest_first(tokens: Tokens) -> None:
    first = await tokens.create(DIGEST, "alice", ["read"], None)
    second = await tokens.create(hashlib.sha256(b"other").digest(), "bob", ["admin"], None)
    await tokens.revoke(first.id)

    listed = await tokens.list()

    assert [token.id for token in listed] == [second.id, first.id]
    assert listed[1].revoked_at is not None


async def test_the_same_digest_cannot_belong_to_two_tokens(tokens: Tokens) -> None:
    await tokens.create(DIGEST, "alice", ["read"], None)

    with pytest.raises(asyncpg.UniqueViolationError):
        await tokens.create(DIGEST, "bob", ["read"], None)


async def test_only_a_server_with_sign_in_takes_clients_tokens(database: Database, sign_in_store: OAuthStore) -> None:
    await add_client(sign_in_store, "client")
    await grant(sign_in_store, "client")

    found = await Tokens(database, RESOURCE).find(key("access one"))
    assert found is not None
    assert found.client == "client"
    assert await Tokens(database).find(key("access one")) is None
    assert await Tokens(database, "https://other.example").find(key("access one")) is None
    assert await Tokens(database, RESOURCE).find_made_by_hand(key("access one")) is None
