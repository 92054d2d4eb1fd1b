"""The login role's password follows the database URL: running `init` again is how it is changed."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest

from app.store.provisioning import provision
from tests.support.postgres_server import PostgresServer

URL = "postgresql://new_role:{password}@127.0.0.1:{port}/new_database"


@pytest.fixture
async def server(postgres_server: PostgresServer) -> AsyncIterator[PostgresServer]:
    """A server without what these tests make."""
    yield postgres_server
    admin = await asyncpg.connect(postgres_server.url("postgres", "postgres"))
    await admin.execute("drop database if exists new_database with (force)")
    await admin.execute("drop role if exists new_role")
    await admin.close()


async def made(server: PostgresServer, password: str) -> list[str]:
    """Provision with a password; return what was missing."""
    admin = {"dsn": server.url("postgres", "postgres")}
    url = URL.format(password=password, port=server.port)
    return [what async for what, _, missing in provision(admin, url) if missing]


async def verifier(server: PostgresServer) -> str:
    """Return what the server keeps of the role's password."""
    admin = await asyncpg.connect(server.url("postgres", "postgres"))
    try:
        return str(await admin.fetchval("select rolpassword from pg_authid where rolname = 'new_role'"))
    finally:
        await admin.close()


async def test_another_password_in_the_url_becomes_the_roles(server: PostgresServer) -> None:
    await made(server, "made-up-old")

    assert await made(server, "made-up-new") == []
    await (await asyncpg.connect(URL.format(password="made-up-new", port=server.port))).close()
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(URL.format(password="made-up-old", port=server.port))


async def test_a_password_that_holds_is_left_as_it_is(server: PostgresServer) -> None:
    await made(server, "made-up-old")
    before = await verifier(server)

    await made(server, "made-up-old")
    assert await verifier(server) == before
