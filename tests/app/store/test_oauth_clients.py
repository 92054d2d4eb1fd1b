"""Registered clients in PostgreSQL."""

from __future__ import annotations

from datetime import timedelta

from app.store.database import Database
from app.store.oauth import OAuthStore
from app.store.tokens import Tokens
from tests.support.oauth import add_client, grant, key


async def test_a_client_is_managed_with_its_own_token_alone(sign_in_store: OAuthStore) -> None:
    for name in ("one", "two"):
        await add_client(sign_in_store, name)
        await sign_in_store.clients.let_manage(name, key(f"token of {name}"))

    found = await sign_in_store.clients.managed("one", key("token of one"))
    assert found is not None
    assert found.id == "one"
    assert await sign_in_store.clients.managed("one", key("token of two")) is None


async def test_a_removed_client_takes_its_grants_along(database: Database, sign_in_store: OAuthStore) -> None:
    await add_client(sign_in_store, "client")
    await grant(sign_in_store, "client")

    assert await sign_in_store.clients.remove("client")

    assert not await sign_in_store.clients.remove("client")
    assert await Tokens(database).list() == []
    assert await sign_in_store.grants.token(key("access one")) is None


async def test_all_are_listed_newest_first_without_those_whose_time_is_over(sign_in_store: OAuthStore) -> None:
    for name, hours in (("first", 1), ("second", 1), ("over", -1)):
        await add_client(sign_in_store, name, timedelta(hours=hours))

    assert [client.id for client in await sign_in_store.clients.all()] == ["second", "first"]
