"""The tables of sign-in are shared by all deployments on a database; grants belong to one address."""

from __future__ import annotations

from datetime import timedelta

from app.store.database import Database
from app.store.oauth import OAuthStore
from tests.support.oauth import RESOURCE, add_client, grant


async def test_deployments_share_clients_and_not_what_was_granted(
    database: Database, sign_in_store: OAuthStore
) -> None:
    elsewhere = OAuthStore(database, f"{RESOURCE}.example", timedelta(minutes=60), timedelta(days=30))
    await add_client(sign_in_store, "app")
    await grant(sign_in_store, "app")

    assert await elsewhere.clients.get("app") == await sign_in_store.clients.get("app")
    async with database.as_service() as connection:
        resources = await connection.fetch("select distinct resource from oauth_grants")
    assert [row["resource"] for row in resources] == [RESOURCE]
