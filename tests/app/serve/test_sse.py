"""SSE sessions that are told to end, and their streams."""

from __future__ import annotations

import asyncio
from typing import Any

from mcp.server.lowlevel import Server
from starlette.types import Message

from app.endpoints import MESSAGES
from app.serve.sse import HEARTBEAT_S, SseSessions
from tests.support.waiting import until


class Client:
    """A client in front of one stream."""

    def __init__(self, sessions: SseSessions) -> None:
        self.said: list[Message] = []
        self.gone = asyncio.Event()
        headers = [(b"host", b"x")]
        self.scope: dict[str, Any] = {
            "type": "http",
            "method": "GET",
            "path": "/sse",
            "root_path": "",
            "query_string": b"",
            "headers": headers,
            "http_version": "1.1",
            "server": ("x", 80),
            "scheme": "http",
        }
        self.task = asyncio.create_task(sessions.open(self.scope, self._receive, self._send))

    async def _receive(self) -> Message:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        self.said.append(message)

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.said)


def sessions() -> SseSessions:
    return SseSessions(Server("test", version="1"))


async def test_a_session_lasts_until_its_client_goes() -> None:
    open_ = sessions()
    client = Client(open_)
    await until(lambda: MESSAGES.encode() in client.body, "the address for its messages")
    assert len(open_) == 1

    client.gone.set()
    await asyncio.wait_for(client.task, 10)

    assert len(open_) == 0


async def test_told_to_end_each_response_gets_its_last_chunk_and_a_hint_when_to_come_again() -> None:
    open_ = sessions()
    clients = [Client(open_) for _ in range(3)]
    await until(lambda: all(client.body for client in clients), "the streams")

    open_.end()
    await asyncio.wait_for(asyncio.gather(*(client.task for client in clients)), 10)

    for client in clients:
        last = client.said[-1]
        assert last["type"] == "http.response.body"
        assert not last.get("more_body", False)
        assert b"retry: 1000" in client.body
    assert len(open_) == 0


async def test_one_that_comes_after_that_ends_at_once() -> None:
    open_ = sessions()
    open_.end()

    await asyncio.wait_for(Client(open_).task, 10)


def test_it_beats_more_often_than_any_proxy_cuts() -> None:
    from sse_starlette import EventSourceResponse

    sessions()

    assert EventSourceResponse.DEFAULT_PING_INTERVAL == HEARTBEAT_S < 15
