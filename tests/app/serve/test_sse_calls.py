"""The calls of a stream that are in work: bounded, and each place is given back."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from mcp.server.lowlevel import Server
from starlette.types import Message

from app.serve.line_connection import CALLS_AT_ONCE
from app.serve.sse import SseSessions
from app.serve.sse_calls import TooManyCalls
from tests.app.serve.test_sse import Client, post
from tests.support.waiting import until


class LazyReader(Client):
    """A client that takes its stream's address, and reads nothing more until it is told to."""

    def __init__(self, sessions: SseSessions) -> None:
        self.reads = asyncio.Event()
        super().__init__(sessions)

    async def _send(self, message: Message) -> None:
        if self.said and b"session_id=" in self.body:
            await self.reads.wait()
        await super()._send(message)


def call(number: int, method: str = "ping", **more: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "method": method, **more}


async def test_calls_whose_answers_are_not_read_are_bounded_and_then_go_on() -> None:
    open_ = SseSessions(Server("test", version="1"))
    client = LazyReader(open_)
    await until(lambda: b"session_id=" in client.body, "the address")
    session = client.body.partition(b"session_id=")[2][:32].decode()
    accepted = 0
    with pytest.raises(TooManyCalls, match="32 calls"):
        while accepted < 100:
            assert await asyncio.wait_for(post(open_, session, call(accepted)), 10) == 202
            accepted += 1
            await asyncio.sleep(0.01)
    assert CALLS_AT_ONCE <= accepted <= CALLS_AT_ONCE + 3, "two or three answers are on their way to the connection"

    client.reads.set()
    await until(lambda: client.body.count(b"event: message") == accepted, "the answers")
    for number in range(100, 200):
        assert await post(open_, session, call(number)) == 202
    await until(lambda: client.body.count(b"event: message") == accepted + 100, "the answers")
    client.gone.set()
    await asyncio.wait_for(client.task, 10)


async def test_what_is_no_call_or_has_no_answer_gives_its_place_back() -> None:
    open_ = SseSessions(Server("test", version="1"))
    client = Client(open_)
    await until(lambda: b"session_id=" in client.body, "the address")
    session = client.body.partition(b"session_id=")[2][:32].decode()
    [stream] = open_._streams

    for number in range(3 * CALLS_AT_ONCE):
        cancel = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": number}}
        assert await post(open_, session, call(number, "no/such")) == 202
        assert await post(open_, session, cancel) == 202
        assert await post(open_, session, {"jsonrpc": "2.0", "id": number, "result": {}}) == 202
        assert await post(open_, session, {"neither": "nor"}) == 400
    await until(lambda: stream.in_work == 0, "all places")
    assert await post(open_, "0" * 32, call(1)) == 404
    client.gone.set()
    await asyncio.wait_for(client.task, 10)
