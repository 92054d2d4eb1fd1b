"""What a function's platform does to the app: instances frozen between requests, and requests before the database."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from app.access.tokens import new_token
from app.runtime.leader import HOUSEKEEPING_LOCK
from app.store.heartbeat import FORGOTTEN_S
from tests.support.postgres_server import PostgresServer
from tests.support.replicas import Client, Replicas, replicas
from tests.support.serving import MCP_HEADERS, Server, SseStream, serving
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(180)
FUNCTION = {"FC_FUNCTION_NAME": "memory", "FC_INSTANCE_ID": "c-1"}
FROZEN_S = FORGOTTEN_S + 4  # until PostgreSQL has ended the frozen instance's session and another one has its locks
FIRST_ANSWER_S = 5.0
END = b"\r\n0\r\n\r\n"  # of a complete chunked response
_LEADERS = """
select a.client_port from pg_locks l join pg_stat_activity a using (pid)
where locktype = 'advisory' and granted and objsubid = 1 and database = (select oid from pg_database
    where datname = current_database()) and classid = ($1::bigint >> 32)::oid
    and objid = ($1::bigint & 4294967295)::oid
"""
_END_OF_POOLS = """
select pg_terminate_backend(pid) from pg_stat_activity
where client_port = any($1) and application_name = 'claude-memory'
"""


@pytest.fixture
async def instances(server_url: str, run_folder: Path) -> AsyncIterator[Replicas]:
    """Two instances of a function on one PostgreSQL server, the first of which leads."""
    async with replicas(run_folder / "instances", 2, DATABASE_URL=server_url, **FUNCTION) as running:
        yield running


def ports_of(server: Server) -> set[int]:
    """Return the local ports of a process's connections."""
    import psutil

    return {one.laddr.port for one in psutil.Process(server.process.pid).net_connections("tcp") if one.raddr}


async def leader(connection: asyncpg.Connection, running: Replicas) -> int:
    """Return the number of the instance that holds the lock of the housekeeping. Fails when two do."""
    found: list[int] = []

    async def one_leads() -> bool:
        ports = {row["client_port"] for row in await connection.fetch(_LEADERS, HOUSEKEEPING_LOCK)}
        assert len(ports) <= 1, "two sessions hold one lock"
        found[:] = [n for n, server in enumerate(running.servers) if ports & ports_of(server)]
        return bool(found)

    await until(one_leads, "an instance that leads")
    return found[0]


@pytest.mark.parametrize("closes", [False, True], ids=["its connections live", "its connections were closed meanwhile"])
async def test_a_thawed_instance_goes_on_and_takes_nothing_back(
    instances: Replicas, server_url: str, closes: bool
) -> None:
    connection = await asyncpg.connect(server_url)
    first = await leader(connection, instances)
    frozen, other = instances.servers[first], instances.servers[1 - first]
    on_frozen, on_other = Client(lambda: [frozen.port]), Client(lambda: [other.port])
    texts = [f"The note before{number} is kept." for number in range(5)]
    for text in texts:
        await on_frozen.call("memorize", text=text)
    stream = await asyncio.to_thread(SseStream, frozen.port)
    await asyncio.to_thread(stream.messages_path)
    ports = ports_of(frozen)

    frozen.process.send_signal(signal.SIGSTOP)
    try:
        if closes:
            await connection.fetch(_END_OF_POOLS, list(ports))
        began = time.monotonic()
        while time.monotonic() - began < FROZEN_S:
            texts.append(f"The note meanwhile{len(texts)} is kept.")
            await on_other.call("memorize", text=texts[-1])
            assert (await on_other.call("search_memory", query=f"meanwhile{len(texts) - 1}"))["results"]
            await asyncio.sleep(0.2)
        assert await leader(connection, instances) == 1 - first
        new = [Client(lambda: [frozen.port]) for _ in range(4)]
        calls = [
            asyncio.create_task(on_frozen.call("search_memory", query=texts[-1])),
            *(asyncio.create_task(one.call("memorize", text=f"Thawed{n}.")) for n, one in enumerate(new)),
        ]
        await asyncio.sleep(0.5)  # they wait in the kernel of the frozen one
    finally:
        frozen.process.send_signal(signal.SIGCONT)
    async with asyncio.timeout(FIRST_ANSWER_S):
        found, *_ = await asyncio.gather(*calls)

    assert texts[-1] in [hit["text"] for hit in found["results"]], "it sees what the other wrote meanwhile"
    stats = [await client.call("memory_stats") for client in (on_frozen, on_other)]
    assert [one["memories"] for one in stats] == [len(texts) + 4] * 2, "nothing is lost, and nothing is there twice"
    for _ in range(10):
        assert await leader(connection, instances) == 1 - first, "the thawed one takes no lock away"
        await asyncio.sleep(0.1)
    stream.read_until(b": ping")
    stream.close()
    await connection.close()
    for client in (on_frozen, on_other, *new):
        await client.close()


async def test_a_stream_begins_before_the_database_is_up(own_postgres_server: PostgresServer, run_folder: Path) -> None:
    token = new_token()
    settings: dict[str, Any] = {
        "DATABASE_URL": own_postgres_server.url(),
        "AUTH": "required",
        "ADMIN_TOKEN": token,
        **FUNCTION,
    }
    own_postgres_server.stop()
    with serving(run_folder / "early", ready=False, **settings) as server:
        stream = await asyncio.to_thread(SseStream, server.port, {"Authorization": f"Bearer {token}"})
        stranger = await asyncio.to_thread(SseStream, server.port, {"Authorization": f"Bearer {new_token()}"})
        path = await asyncio.to_thread(stream.messages_path)
        assert stream.received.partition(b"\r\n\r\n")[2].partition(b"\r\n")[2].startswith(b"event: endpoint\r\n")
        assert server.request("GET", "/ready")[0] == 503
        await asyncio.to_thread(stranger.messages_path)

        own_postgres_server.start()
        await asyncio.to_thread(server.wait_ready)
        message = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
        headers = {**MCP_HEADERS, "Authorization": f"Bearer {token}"}
        assert (await asyncio.to_thread(server.request, "POST", path, message, headers))[0] == 202
        await asyncio.to_thread(stream.read_until, b'"id":1')
        assert b"retry" not in await asyncio.to_thread(stranger.read_until, END), "an unknown token is refused"
        for one in (stream, stranger):
            one.close()


async def test_a_stream_ends_before_the_platform_cuts_it(server_url: str, run_folder: Path) -> None:
    settings: dict[str, Any] = {"DATABASE_URL": server_url, "STREAM_SECONDS": "3", **FUNCTION}
    with serving(run_folder / "limited", **settings) as server:
        began = time.monotonic()
        stream = await asyncio.to_thread(SseStream, server.port)
        received = await asyncio.to_thread(stream.read_until, END)

        assert time.monotonic() - began < 3
        assert b"retry: 1000\r\n\r\n" in received
        stream.close()
