"""Of several servers the first that answers and will do is used, also when one says nothing at all."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from typing import Any

import asyncpg
import pytest

from app.store.connecting import connect, each_server
from app.store.database import Database
from tests.support.waiting import until

LONG_S = 60.0  # of one server, as nobody here should wait for


@pytest.fixture
def silent() -> Iterator[str]:
    """The host and port of a server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture
def refusing() -> Iterator[str]:
    """A host and port where nothing listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{held.getsockname()[1]}"


def before(url: str, *servers: str, **options: str) -> str:
    """Return a URL with other servers before its own."""
    login, _, rest = url.partition("@")
    query = "&".join(f"{name}={value}" for name, value in options.items())
    return f"{login}@{','.join(servers)},{rest}{'?' if query else ''}{query}"


async def test_a_server_that_says_nothing_does_not_keep_the_next_one_waiting(server_url: str, silent: str) -> None:
    async with asyncio.timeout(LONG_S / 2):
        connection = await connect(dsn=before(server_url, silent, silent), timeout=LONG_S)

    assert await connection.fetchval("select 1") == 1
    await connection.close()


async def test_calls_are_answered_while_the_first_servers_host_is_gone(server_url: str, silent: str) -> None:
    database = Database({"dsn": before(server_url, silent, target_session_attrs="read-write")}, watched=True)
    await database.open()
    try:
        async with database.as_user("ada") as connection:
            assert await connection.fetchval("select count(*) from memories") == 0
        lock = database.lock(7)
        await until(lambda: lock.held, "the heartbeat's lock")
        assert database.problem is None
    finally:
        await database.close()


async def test_a_server_that_will_not_do_and_one_that_is_gone_are_passed_over(
    server_url: str, refusing: str, silent: str
) -> None:
    with pytest.raises(OSError, match="Connect call failed"):
        await connect(dsn=before(server_url, refusing, silent, target_session_attrs="standby"), timeout=1.0)
    with pytest.raises(asyncpg.TargetServerAttributeNotMatched):
        await connect(dsn=f"{server_url}?target_session_attrs=standby", timeout=LONG_S)


async def test_what_a_server_says_comes_before_what_others_do_not(server_url: str, refusing: str, silent: str) -> None:
    login, _, rest = server_url.partition("@")

    with pytest.raises(asyncpg.InvalidPasswordError):
        await connect(dsn=before(f"{login}wrong@{rest}", refusing, silent), timeout=1.0)


async def test_attempts_that_are_not_needed_end(server_url: str, silent: str) -> None:
    connections = [await connect(dsn=before(server_url, silent), timeout=LONG_S) for _ in range(3)]

    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []
    for connection in connections:
        await connection.close()


async def test_who_gives_up_leaves_no_attempt_behind(silent: str) -> None:
    connecting = asyncio.create_task(connect(dsn=f"postgresql://ada@{silent},{silent}/d", timeout=LONG_S))
    await asyncio.sleep(0.4)
    connecting.cancel()
    await asyncio.gather(connecting, return_exceptions=True)

    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []


@pytest.mark.parametrize(
    ("dsn", "servers"),
    [
        ("postgresql://u:p@one:5433,two:5434/d", [{"host": "one", "port": 5433}, {"host": "two", "port": 5434}]),
        ("postgresql://u:p@one,two:5434/d", [{"host": "one"}, {"host": "two", "port": 5434}]),
        ("postgresql://one,two/d?port=6000", [{"host": "one", "port": 6000}, {"host": "two", "port": 6000}]),
        ("postgresql:///d?host=one,two&port=1,2", [{"host": "one", "port": 1}, {"host": "two", "port": 2}]),
        ("postgresql://[::1]:1,[::2]/d", [{"host": "::1", "port": 1}, {"host": "::2"}]),
        ("postgresql://%2Frun%2Fa,two/d", [{"host": "/run/a"}, {"host": "two"}]),
    ],
)
def test_each_server_has_its_host_and_port(dsn: str, servers: list[dict[str, Any]]) -> None:
    assert each_server({"dsn": dsn, "timeout": 1}) == [{"dsn": dsn, "timeout": 1, **one} for one in servers]


@pytest.mark.parametrize(
    "arguments",
    [
        {"dsn": "postgresql://u:p@one:5433/d"},
        {"dsn": "postgresql:///d"},
        {"host": "/run/socket", "user": "u", "database": "d"},
        {"dsn": "postgresql://one,two/d?target_session_attrs=prefer-standby"},
        {"dsn": "postgresql://one,two/d?port=1,2,3"},
    ],
)
def test_what_the_driver_must_see_as_a_whole_stays_in_one(arguments: dict[str, Any]) -> None:
    assert each_server(arguments) == [arguments]
