"""Grants in PostgreSQL, beyond what the flow (tests/app/serve/oauth) shows."""

from __future__ import annotations

from app.store.database import Database
from app.store.oauth import OAuthStore
from app.store.oauth_grants import Rotation
from app.store.tokens import Tokens
from tests.support.oauth import add_client, grant, key


async def execute(database: Database, statement: str) -> None:
    async with database.as_service() as connection:
        await connection.execute(statement)


async def test_an_access_token_is_no_refresh_token(sign_in_store: OAuthStore) -> None:
    await add_client(sign_in_store, "client")
    await grant(sign_in_store, "client")

    assert await sign_in_store.grants.refresh_token(key("access one")) is None
    assert await sign_in_store.grants.rotate(key("access one"), ["read"], key("a2"), key("r2")) is Rotation.UNKNOWN


async def test_using_a_grant_keeps_it_alive(database: Database, sign_in_store: OAuthStore) -> None:
    await add_client(sign_in_store, "client")
    grant_id = await grant(sign_in_store, "client")
    await execute(database, "update oauth_grants set expires_at = now() + interval '1 hour'")

    await sign_in_store.grants.rotate(key("refresh one"), ["read"], key("a2"), key("r2"))

    [found] = await Tokens(database).list()
    assert found.id == grant_id
    assert found.expires_at is not None
    assert (found.expires_at - found.created_at).days >= 29


async def test_a_code_is_redeemed_once(sign_in_store: OAuthStore) -> None:
    await add_client(sign_in_store, "client")
    grant_id = await grant(sign_in_store, "client")

    code = await sign_in_store.grants.code(key("code one"))
    assert code is not None
    assert code.used
    assert not await sign_in_store.grants.redeem(grant_id, key("a2"), key("r2"))


async def test_revoking_a_grant_ends_its_code_and_its_tokens(sign_in_store: OAuthStore) -> None:
    await add_client(sign_in_store, "client")
    grant_id = await grant(sign_in_store, "client")

    assert await sign_in_store.grants.revoke(grant_id)

    assert not await sign_in_store.grants.revoke(grant_id)
    assert await sign_in_store.grants.code(key("code one")) is None
    assert await sign_in_store.grants.token(key("access one")) is None
    assert await sign_in_store.grants.refresh_token(key("refresh one")) is None
