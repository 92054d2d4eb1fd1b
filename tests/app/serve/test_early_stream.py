"""The response of a session whose caller is not known yet."""

from __future__ import annotations

import asyncio

from sse_starlette import EventSourceResponse
from starlette.types import Message

from app.serve.early_stream import _HEADERS, EarlyStream
from tests.support.waiting import until

SDK_ID = "0" * 32


def stream() -> tuple[EarlyStream, list[Message]]:
    said: list[Message] = []

    async def send(message: Message) -> None:
        said.append(message)

    return EarlyStream(send), said


def body(text: str) -> Message:
    return {"type": "http.response.body", "body": text.encode(), "more_body": True}


async def test_the_address_for_messages_is_the_first_event_of_a_response_like_the_sdks() -> None:
    early, said = stream()
    await early.begin({"root_path": ""})

    assert said[0]["status"] == 200
    assert dict(said[0]["headers"]) == dict(EventSourceResponse(iter(())).raw_headers)
    assert said[0]["headers"] == list(_HEADERS)
    assert said[1]["body"] == f"event: endpoint\r\ndata: /messages/?session_id={early.id}\r\n\r\n".encode()


async def test_the_sdks_session_goes_on_in_it_without_its_own_beginning() -> None:
    early, said = stream()
    await early.begin({"root_path": ""})
    await early.send({"type": "http.response.start", "status": 200, "headers": []})
    await early.send(body(f"event: endpoint\r\ndata: /messages/?session_id={SDK_ID}\r\n\r\n"))
    await early.send(body("event: message\r\ndata: session_id={SDK_ID}\r\n\r\n"))

    assert await early.session == SDK_ID
    assert len(said) == 3
    assert said[2]["body"].startswith(b"event: message")


async def test_refused_it_ends_and_its_messages_find_no_session() -> None:
    early, said = stream()
    await early.begin({"root_path": ""})
    await early.end()
    early.close()
    early.close()

    assert not said[-1]["more_body"]
    assert await early.session == early.id


async def test_while_its_caller_waits_it_is_not_silent() -> None:
    early, said = stream()
    alive = asyncio.create_task(early.keep_alive(0.01))
    await until(lambda: len(said) > 1, "two comments are sent")
    alive.cancel()

    assert {message["body"] for message in said} == {b": ping\r\n\r\n"}
    assert all(message["more_body"] for message in said)
