"""The sweep of sign-in's tables: what is over goes, what lives stays."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.store import oauth_sweep
from app.store.database import Database
from app.store.oauth import OAuthStore
from app.store.oauth_clients import OAuthClients
from app.store.oauth_grants import Outcome
from app.store.oauth_sweep import sweep
from app.store.tokens import Tokens
from tests.support.oauth import ANN, BROWSER, a_client, add_client, begin, grant, key, successors_of


async def count(database: Database, table: str) -> int:
    async with database.as_service() as connection:
        return int(await connection.fetchval(f"select count(*) from {table}"))


async def execute(database: Database, statement: str) -> None:
    async with database.as_service() as connection:
        await connection.execute(statement)


async def test_the_sweep_leaves_what_lives(database: Database, sign_in_store: OAuthStore) -> None:
    await add_client(sign_in_store, "used")
    await add_client(sign_in_store, "new")
    await grant(sign_in_store, "used")
    await begin(sign_in_store, "new")

    await sweep(database)

    tables = ("oauth_clients", "oauth_requests", "oauth_grants", "oauth_tokens")
    assert [await count(database, table) for table in tables] == [2, 1, 1, 2]


async def test_the_sweep_takes_clients_nobody_allowed_once_their_time_is_over(
    database: Database, sign_in_store: OAuthStore
) -> None:
    await add_client(sign_in_store, "unused", timedelta(seconds=-1))
    await add_client(sign_in_store, "used", timedelta(seconds=60))
    await grant(sign_in_store, "used")
    await execute(database, "update oauth_clients set expires_at = now()")

    await sweep(database)

    assert await sign_in_store.clients.get("unused") is None
    assert await sign_in_store.clients.get("used") is not None
    assert await count(database, "oauth_clients") == 1


async def test_a_client_that_an_operator_made_stays(database: Database) -> None:
    clients = OAuthClients(database)
    await clients.add(a_client("typed"), None)

    await sweep(database)

    assert [client.id for client in await clients.all()] == ["typed"]
    assert await Tokens(database).revoke("typed")
    assert await clients.all() == []


async def test_the_sweep_takes_a_sign_in_nobody_finished_and_a_code_nobody_redeemed(
    database: Database, sign_in_store: OAuthStore
) -> None:
    await add_client(sign_in_store, "client")
    await begin(sign_in_store, "client", "left")
    await begin(sign_in_store, "client", "allowed")
    await sign_in_store.sign_ins.prove(key("allowed"), ANN, BROWSER)
    await sign_in_store.sign_ins.allow(key("allowed"), BROWSER, key("code"))
    await execute(database, "update oauth_requests set expires_at = now()")
    await execute(database, "update oauth_grants set code_expires_at = now()")

    await sweep(database)

    assert await count(database, "oauth_requests") == 0
    assert await count(database, "oauth_grants") == 0


async def test_a_grant_that_has_ended_is_shown_for_a_week(database: Database, sign_in_store: OAuthStore) -> None:
    await add_client(sign_in_store, "client")
    grant_id = await grant(sign_in_store, "client")
    assert await sign_in_store.grants.revoke(grant_id)
    await sweep(database)
    assert [(one.id, one.state) for one in await Tokens(database).list()] == [(grant_id, "revoked")]

    await execute(database, "update oauth_grants set revoked_at = now() - interval '7 days'")
    await execute(database, "update oauth_clients set expires_at = now()")
    await sweep(database)

    assert await Tokens(database).list() == []
    assert await count(database, "oauth_tokens") == 0
    assert await sign_in_store.clients.get("client") is None, "it has no grant any more"


async def test_of_many_clients_that_nobody_uses_the_newest_stay(
    database: Database, sign_in_store: OAuthStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oauth_sweep, "_UNUSED_CLIENTS_KEPT", 2)
    for name in ("granted", "asking", "old", "newer", "newest"):
        await add_client(sign_in_store, name)
    await sign_in_store.clients.add(a_client("by hand"), None)
    await grant(sign_in_store, "granted")
    await begin(sign_in_store, "asking")

    await sweep(database)

    kept = [client.id for client in await sign_in_store.clients.all()]
    assert sorted(kept) == ["asking", "by hand", "granted", "newer", "newest"]


async def test_a_replaced_refresh_token_is_known_until_it_would_have_expired(
    database: Database, sign_in_store: OAuthStore
) -> None:
    await add_client(sign_in_store, "client")
    await grant(sign_in_store, "client")
    await sign_in_store.grants.rotate(key("refresh one"), ["read"], successors_of("two"))
    await execute(database, "update oauth_tokens set replaced_at = replaced_at - interval '31 s'")

    await sweep(database)

    stolen = await sign_in_store.grants.rotate(key("refresh one"), ["read"], successors_of("three"))
    after = await sign_in_store.grants.rotate(key("refresh two"), ["read"], successors_of("four"))
    assert (stolen.outcome, after.outcome) == (Outcome.REUSED, Outcome.UNKNOWN)
