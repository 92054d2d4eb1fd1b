"""A port that was open before uvicorn: who waits is served, and at the end nobody is left in the kernel's queue."""

from __future__ import annotations

import asyncio
import socket
from types import SimpleNamespace
from typing import Any

from starlette.types import Receive, Scope, Send

from app.http.reply import send_json
from app.http.uvicorn_server import config
from app.serve.open_port import OpenPortServer


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    await send_json(send, 200, {"path": scope["path"]})


def request(port: int) -> socket.socket:
    """Connect and ask, without waiting for the answer."""
    client = socket.create_connection(("127.0.0.1", port), timeout=10)
    client.sendall(b"GET /early HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    return client


def answer(client: socket.socket) -> bytes:
    with client:
        return b"".join(iter(lambda: client.recv(65_536), b""))


async def wound_down() -> None:
    """Nothing to wait for."""


async def test_connections_that_waited_for_uvicorn_are_served() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        early = request(listener.getsockname()[1])
        accepted, _ = listener.accept()
        begun: Any = SimpleNamespace(doorman=SimpleNamespace(hand_over=lambda: [accepted]))
        server = OpenPortServer(config(app), begun, wound_down)
        server.may_listen.set()
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        await server.listening.wait()

        assert b'"/early"' in await asyncio.to_thread(answer, early)
        server.end()
        await serving


async def test_who_connected_before_the_port_closed_is_answered() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        begun: Any = SimpleNamespace(doorman=None)
        server = OpenPortServer(config(app), begun, wound_down)
        server.may_listen.set()
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        await server.listening.wait()
        late = request(listener.getsockname()[1])  # in the queue: the loop had no turn to accept it
        server.end()
        await serving

    assert b" 200 " in await asyncio.to_thread(answer, late)


async def test_until_it_may_listen_connections_are_refused_and_it_can_end() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        begun: Any = SimpleNamespace(doorman=None)
        server = OpenPortServer(config(app), begun, wound_down)
        serving = asyncio.create_task(server.serve(sockets=[bound]))
        await asyncio.sleep(0)

        with socket.socket() as client:
            assert client.connect_ex(bound.getsockname()) != 0
        server.end()
        await serving
        assert not server.listening.is_set()
