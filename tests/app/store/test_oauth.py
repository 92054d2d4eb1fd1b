"""Sign-in in PostgreSQL: what the flow (tests/app/serve/oauth) does not show. What is over goes; what lives stays."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256

import pytest

from app.store.oauth import Client, OAuthStore, Proof, Rotation, SignIn, sweep
from app.store.tokens import Tokens

RESOURCE = "https://memory.example"
BROWSER = sha256(b"browser").digest()


def key(text: str) -> bytes:
    return sha256(text.encode()).digest()


@pytest.fixture
def store(database):
    return OAuthStore(database, RESOURCE, timedelta(minutes=60), timedelta(days=30))


async def add_client(store, client_id, unused_for=timedelta(hours=24)):
    await store.add_client(Client(id=client_id, name=client_id, metadata={"redirect_uris": []}), unused_for)


async def begin(store, client_id, request="request"):
    sign_in = SignIn(
        client_id=client_id,
        redirect_uri="https://app.example",
        redirect_given=True,
        state=None,
        asked_scopes=("read",),
        code_challenge="x",
    )
    await store.begin(key(request), sign_in)


async def grant(store, client_id, name="one"):
    """Give a client a grant whose code is redeemed; return its id."""
    await begin(store, client_id, name)
    await store.prove(key(name), Proof(user="ann", scopes=("read",), token_id=None), BROWSER)
    await store.allow(key(name), BROWSER, key(f"code {name}"))
    code = await store.code(key(f"code {name}"))
    assert await store.redeem(code.grant_id, key(f"access {name}"), key(f"refresh {name}"))
    return code.grant_id


async def count(database, table):
    async with database.as_service() as connection:
        return await connection.fetchval(f"select count(*) from {table}")


async def execute(database, statement):
    async with database.as_service() as connection:
        await connection.execute(statement)


async def test_the_sweep_leaves_what_lives(database, store):
    await add_client(store, "used")
    await add_client(store, "new")
    await grant(store, "used")
    await begin(store, "new")

    await sweep(database)

    tables = ("oauth_clients", "oauth_requests", "oauth_grants", "oauth_tokens")
    assert [await count(database, table) for table in tables] == [2, 1, 1, 2]


async def test_the_sweep_takes_clients_nobody_allowed_once_their_time_is_over(database, store):
    await add_client(store, "unused", timedelta(seconds=-1))
    await add_client(store, "used", timedelta(seconds=60))
    await grant(store, "used")
    await execute(database, "update oauth_clients set expires_at = now()")

    await sweep(database)

    assert await store.client("unused") is None
    assert await store.client("used") is not None
    assert await count(database, "oauth_clients") == 1


async def test_a_client_that_an_operator_made_stays(database):
    tokens = Tokens(database)
    await tokens.add_client(Client(id="typed", name="typed", metadata={"redirect_uris": []}))

    await sweep(database)

    assert [client.id for client in await tokens.clients()] == ["typed"]
    assert await tokens.revoke("typed")
    assert await tokens.clients() == []


async def test_the_sweep_takes_a_sign_in_nobody_finished_and_a_code_nobody_redeemed(database, store):
    await add_client(store, "client")
    await begin(store, "client", "left")
    await begin(store, "client", "allowed")
    await store.prove(key("allowed"), Proof(user="ann", scopes=("read",), token_id=None), BROWSER)
    await store.allow(key("allowed"), BROWSER, key("code"))
    await execute(database, "update oauth_requests set expires_at = now()")
    await execute(database, "update oauth_grants set code_expires_at = now()")

    await sweep(database)

    assert await count(database, "oauth_requests") == 0
    assert await count(database, "oauth_grants") == 0


async def test_a_grant_that_has_ended_is_shown_for_a_week(database, store):
    await add_client(store, "client")
    grant_id = await grant(store, "client")
    assert await store.revoke_grant(grant_id)
    await sweep(database)
    assert [(one.id, one.state) for one in await Tokens(database).list()] == [(grant_id, "revoked")]

    await execute(database, "update oauth_grants set revoked_at = now() - interval '7 days'")
    await execute(database, "update oauth_clients set expires_at = now()")
    await sweep(database)

    assert await Tokens(database).list() == []
    assert await count(database, "oauth_tokens") == 0
    assert await store.client("client") is None, "it has no grant any more"


async def test_a_replaced_refresh_token_is_known_until_it_would_have_expired(database, store):
    await add_client(store, "client")
    await grant(store, "client")
    assert await store.rotate(key("refresh one"), ["read"], key("a2"), key("r2")) is Rotation.DONE
    await execute(database, "update oauth_tokens set replaced_at = replaced_at - interval '31 s'")

    await sweep(database)

    assert await store.rotate(key("refresh one"), ["read"], key("a3"), key("r3")) is Rotation.REUSED
    assert await store.rotate(key("r2"), ["read"], key("a4"), key("r4")) is Rotation.UNKNOWN


async def test_an_access_token_is_no_refresh_token(store):
    await add_client(store, "client")
    await grant(store, "client")

    assert await store.refresh_token(key("access one")) is None
    assert await store.rotate(key("access one"), ["read"], key("a2"), key("r2")) is Rotation.UNKNOWN


async def test_using_a_grant_keeps_it_alive(database, store):
    await add_client(store, "client")
    grant_id = await grant(store, "client")
    await execute(database, "update oauth_grants set expires_at = now() + interval '1 hour'")

    await store.rotate(key("refresh one"), ["read"], key("a2"), key("r2"))

    [found] = await Tokens(database).list()
    assert found.id == grant_id
    assert (found.expires_at - found.created_at).days >= 29


async def test_only_a_server_with_sign_in_takes_clients_tokens(database, store):
    await add_client(store, "client")
    await grant(store, "client")

    assert (await Tokens(database, RESOURCE).find(key("access one"))).client == "client"
    assert await Tokens(database).find(key("access one")) is None
    assert await Tokens(database, "https://other.example").find(key("access one")) is None
    assert await Tokens(database, RESOURCE).find_made_by_hand(key("access one")) is None
