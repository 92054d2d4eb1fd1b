"""What a deployment needs before its first start: made where it is missing, and left alone where it is not."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import asyncpg
import pytest

from app.access.tokens import digest
from app.errors import Conflict, NotPermitted, StoreUnavailable
from app.ops.init import Step, initialise
from app.runtime.command_database import open_database
from app.settings.fields import Settings
from app.settings.loading import load_settings
from app.store.migrations import migrate, migrations
from app.store.provisioning import provision, scram_verifier
from app.store.tokens import Tokens
from tests.support.mcp import running
from tests.support.postgres import TestServer
from tests.support.postgres_server import PostgresServer

NEW = "postgresql://new_role:made%2Fup%C3%A9@127.0.0.1:{port}/new_database"
NAMES = ["login role", "application role", "database", "schema"]


@pytest.fixture
async def server(postgres_server: PostgresServer) -> AsyncIterator[PostgresServer]:
    """A server without what `init` makes."""
    yield postgres_server
    await drop_new(await asyncpg.connect(postgres_server.url("postgres", "postgres")))


async def drop_new(admin: asyncpg.Connection) -> None:
    """Drop what the tests made, and close the connection."""
    await admin.execute("drop database if exists new_database with (force)")
    await admin.execute("drop role if exists new_role")
    await admin.close()


@pytest.fixture
def settings(server: PostgresServer, plain_settings: Settings) -> Callable[..., Settings]:
    def settings(url: str = NEW, admin: str | None = server.url("postgres", "postgres")) -> Settings:
        return load_settings(
            {
                "database_url": url.format(port=server.port),
                "admin_database_url": admin,
                "memory_data_dir": plain_settings.memory_data_dir,
            }
        )

    return settings


async def steps(settings: Settings) -> list[Step]:
    return [step async for step in initialise(settings)]


async def test_what_is_missing_is_made_once(settings: Callable[..., Settings]) -> None:
    first, again = await steps(settings()), await steps(settings())

    assert [step.what for step in first] == NAMES
    assert {step.what for step in first if step.made} >= {"login role", "database", "schema"}
    assert [step.made for step in again] == [False] * 4
    assert again[-1].name == migrations()[-1].name


async def test_a_token_of_the_operators_making_is_valid_from_the_start_and_stays_revoked(
    server: PostgresServer, plain_settings: Settings
) -> None:
    value = "cm_" + "made-up-" * 5 + "abc"
    settings = load_settings(
        {
            "database_url": NEW.format(port=server.port),
            "admin_database_url": server.url("postgres", "postgres"),
            "admin_token": value,
            "memory_data_dir": plain_settings.memory_data_dir,
        }
    )

    first, again = (await steps(settings))[-1], (await steps(settings))[-1]
    assert (first.what, first.made, again.made) == ("token", True, False)
    async with open_database(settings, "test") as db:
        tokens = Tokens(db)
        token = await tokens.find(digest(value))
        assert token is not None
        assert set(token.scopes) == {"read", "write", "admin"}
        await tokens.revoke(token.id)

    await steps(settings)
    async with open_database(settings, "test") as db:
        assert await Tokens(db).find(digest(value)) is None


async def test_the_app_runs_on_what_was_made_and_its_role_is_no_superuser(settings: Callable[..., Settings]) -> None:
    chosen = settings()
    await steps(chosen)

    assert chosen.database_url is not None
    async with running(chosen, {"dsn": chosen.database_url.get_secret_value()}) as runtime:
        await runtime.wait_ready()
    connection = await asyncpg.connect(chosen.database_url.get_secret_value())
    rights = await connection.fetchrow(
        "select rolsuper, rolbypassrls, rolcreatedb from pg_roles where rolname = current_user"
    )
    await connection.close()
    assert tuple(rights) == (False, False, True)


async def test_without_an_administrator_only_the_schema_is_made(
    settings: Callable[..., Settings], server: PostgresServer
) -> None:
    await steps(settings())

    assert [step.what for step in await steps(settings(admin=None))] == ["schema"]


async def test_on_the_newest_postgresql_the_new_role_may_set_up_the_schema(postgres: TestServer) -> None:
    """Since version 16 a role needs more than createrole to hand on one that somebody else made."""
    admin = {**postgres.arguments("claude_memory"), "user": "postgres"}
    made = [step async for step in provision(admin, "postgresql://new_role@nowhere/new_database")]
    connection = await asyncpg.connect(**{**admin, "database": "new_database"})
    try:
        await connection.execute("set session authorization new_role")  # the embedded server lets nobody else log in
        assert await migrate(connection) == len(migrations())
    finally:
        await connection.close()
        await drop_new(await asyncpg.connect(**admin))

    assert [what for what, _, _ in made] == NAMES[:-1]


async def test_a_database_of_somebody_else_is_refused(
    settings: Callable[..., Settings], server: PostgresServer
) -> None:
    admin = await asyncpg.connect(server.url("postgres", "postgres"))
    await admin.execute("create database new_database")
    await admin.close()

    with pytest.raises(Conflict, match="new_database belongs to postgres, not to new_role"):
        await steps(settings())


async def test_an_administrator_who_may_not_is_told_without_a_password(
    settings: Callable[..., Settings], server: PostgresServer
) -> None:
    with pytest.raises(NotPermitted, match="ADMIN_DATABASE_URL") as told:
        await steps(settings(admin=server.url("postgres", "postgres").replace(":made-up", ":made-up-wrong")))
    assert "made-up" not in str(told.value)


async def test_a_server_that_is_not_there_is_told(settings: Callable[..., Settings]) -> None:
    with pytest.raises(StoreUnavailable, match=r"does not answer.*check ADMIN_DATABASE_URL"):
        await steps(settings(admin="postgresql://postgres@127.0.0.1:9/postgres"))
    with pytest.raises(StoreUnavailable, match=r"does not answer.*check DATABASE_URL"):
        await steps(settings("postgresql://somebody@127.0.0.1:9/memory", admin=None))


async def test_the_embedded_database_needs_the_schema_only(run_folder: Path, plain_settings: Settings) -> None:
    embedded = plain_settings.model_copy(update={"memory_data_dir": run_folder / "init"})

    [first], [again] = await steps(embedded), await steps(embedded)

    assert (first.what, first.made, again.made) == ("schema", True, False)


def test_the_verifier_is_what_postgresql_stores() -> None:
    """RFC 5803; the salt and the password are those of RFC 7677, 3."""
    import base64

    verifier = scram_verifier("pencil", base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ=="))

    assert verifier == (
        "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY="
        ":wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
    )
