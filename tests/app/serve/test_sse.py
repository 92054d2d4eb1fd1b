"""SSE sessions that are told to end, and their streams."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from mcp.server.lowlevel import Server
from starlette.types import Message

from app.endpoints import MESSAGES
from app.errors import NotAuthenticated, Unavailable
from app.serve.sse import HEARTBEAT_S, SseSessions
from tests.support.waiting import until


class Client:
    """A client in front of one stream."""

    def __init__(self, sessions: SseSessions, identify: Callable[[], Awaitable[object]] | None = None) -> None:
        """identify: of a client that comes before the database is open."""
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
        opening = (
            sessions.open(self.scope, self._receive, self._send)
            if identify is None
            else sessions.open_early(self.scope, self._receive, self._send, identify)
        )
        self.task = asyncio.create_task(opening)

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


async def test_stopped_before_its_caller_is_known_a_response_ends_properly_too() -> None:
    async def never() -> None:
        await asyncio.Event().wait()

    client = Client(sessions(), never)
    await until(lambda: MESSAGES.encode() in client.body, "the address for its messages")
    client.task.cancel()
    await asyncio.wait([client.task], timeout=10)

    assert client.task.cancelled()
    assert not client.said[-1]["more_body"]
    assert b"retry: 1000" in client.body


async def test_a_stream_ends_before_its_limit_with_a_hint_when_to_come_again() -> None:
    open_ = SseSessions(Server("test", version="1"), stream_s=1.0)
    client, began = Client(open_), time.monotonic()
    await asyncio.wait_for(client.task, 10)

    assert time.monotonic() - began >= 0.5
    assert b"retry: 1000" in client.body
    assert not client.said[-1].get("more_body", False)


async def test_a_stream_ends_between_two_calls_if_one_ends_in_time() -> None:
    busy: set[str] = set()
    open_ = SseSessions(Server("test", version="1"), busy.__contains__, stream_s=2.0)
    client, began = Client(open_), time.monotonic()
    await until(lambda: b"session_id=" in client.body, "the address")
    busy.add(client.body.partition(b"session_id=")[2][:32].decode())
    await asyncio.sleep(1.3)
    assert not client.task.done()
    busy.clear()
    await asyncio.wait_for(client.task, 10)

    assert time.monotonic() - began >= 1.3


async def test_a_call_that_never_ends_holds_no_stream_over_its_limit() -> None:
    open_ = SseSessions(Server("test", version="1"), lambda session: True, stream_s=0.5)
    client, began = Client(open_), time.monotonic()
    await asyncio.wait_for(client.task, 10)

    assert time.monotonic() - began >= 0.25


async def post(open_: SseSessions, session: str, message: object) -> int:
    """Post a message to a session and return the status."""
    said: list[Message] = []
    content = json.dumps(message).encode()

    async def receive() -> Message:
        return {"type": "http.request", "body": content, "more_body": False}

    async def send(message: Message) -> None:
        said.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": MESSAGES,
        "query_string": f"session_id={session}".encode(),
        "headers": [(b"content-type", b"application/json")],
    }
    await open_.post(scope, receive, send)
    return int(said[0]["status"])


async def test_before_its_caller_is_known_a_session_has_an_address_and_answers_once_he_is() -> None:
    known = asyncio.Event()
    open_ = sessions()
    client = Client(open_, known.wait)
    await until(lambda: b"session_id=" in client.body, "the address")
    assert client.body.startswith(b"event: endpoint\r\n")
    assert len(open_) == 0

    session = client.body.partition(b"session_id=")[2][:32].decode()
    posting = asyncio.create_task(post(open_, session, {"jsonrpc": "2.0", "id": 1, "method": "ping"}))
    await asyncio.sleep(0.05)
    assert not posting.done()
    known.set()
    assert await asyncio.wait_for(posting, 10) == 202
    await until(lambda: b'"id":1' in client.body, "the answer")
    assert client.body.count(b"event: endpoint") == 1
    client.gone.set()
    await asyncio.wait_for(client.task, 10)
    assert await post(open_, session, {}) == 404


async def test_streams_are_fewer_than_the_open_files_allow() -> None:
    open_ = SseSessions(Server("test", version="1"), streams_limit=lambda: 1)
    client = Client(open_)
    await until(lambda: client.body, "the stream")

    with pytest.raises(Unavailable, match="limit of open files"):
        await Client(open_).task
    client.gone.set()
    await asyncio.wait_for(client.task, 10)


async def test_a_caller_who_turns_out_to_have_no_right_gets_no_session() -> None:
    known = asyncio.Event()

    async def refuse() -> None:
        await known.wait()
        raise NotAuthenticated("the token is unknown")

    open_ = sessions()
    client = Client(open_, refuse)
    await until(lambda: b"session_id=" in client.body, "the address")
    session = client.body.partition(b"session_id=")[2][:32].decode()
    posting = asyncio.create_task(post(open_, session, {}))
    await asyncio.sleep(0.05)
    known.set()

    with pytest.raises(NotAuthenticated):
        await asyncio.wait_for(client.task, 10)
    assert not client.said[-1]["more_body"]
    assert await asyncio.wait_for(posting, 10) == 404


def test_it_beats_more_often_than_any_proxy_cuts() -> None:
    from sse_starlette import EventSourceResponse

    sessions()

    assert EventSourceResponse.DEFAULT_PING_INTERVAL == HEARTBEAT_S < 15
