"""Answers made outside FastAPI."""

from __future__ import annotations

import json

import pytest
from starlette.types import Message

from app.errors import InvalidInput, MemoryServerError, NotAuthenticated, RateLimited, StoreUnavailable
from app.http.reply import send_error, send_json


class Sent:
    """What was sent."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    async def __call__(self, message: Message) -> None:
        self.messages.append(message)

    @property
    def status(self) -> int:
        return int(self.messages[0]["status"])

    @property
    def headers(self) -> dict[str, str]:
        return {name.decode(): value.decode() for name, value in self.messages[0]["headers"]}

    @property
    def body(self) -> bytes:
        return bytes(self.messages[1]["body"])


async def test_json_is_not_kept_by_caches_and_has_its_length() -> None:
    sent = Sent()
    await send_json(sent, 200, {"a": "ä"})

    assert json.loads(sent.body) == {"a": "ä"}
    assert sent.headers == {
        "content-type": "application/json",
        "cache-control": "no-store",
        "content-length": str(len(sent.body)),
    }


async def test_head_gets_the_length_without_the_body() -> None:
    sent = Sent()
    await send_json(sent, 200, {"a": 1}, head=True)

    assert (sent.headers["content-length"], sent.body) == ("8", b"")


async def test_nothing_has_no_kind_and_204_no_length() -> None:
    sent = Sent()
    await send_json(sent, 204, None)

    assert (sent.headers, sent.body) == ({}, b"")


@pytest.mark.parametrize("rpc", [True, False])
async def test_an_error_has_the_form_of_its_endpoint(rpc: bool) -> None:
    sent = Sent()
    error = InvalidInput("limit", 0, "1 to 100")
    await send_error(sent, error, rpc=rpc)

    body = json.loads(sent.body)
    assert sent.status == error.status
    if rpc:
        assert body["id"] is None
        assert body["error"] == {"code": -32_000, "message": str(error), "data": {"code": error.code}}
    else:
        assert body == {"error": {"code": error.code, "message": str(error)}}


@pytest.mark.parametrize(
    ("error", "header", "value"),
    [
        (NotAuthenticated("no token"), "www-authenticate", 'Bearer realm="claude-memory"'),
        (RateLimited(60, 2.2), "retry-after", "3"),
        (RateLimited(60, 0.01), "retry-after", "1"),
        (StoreUnavailable("it is away"), "retry-after", "1"),
    ],
)
async def test_some_statuses_bring_a_header(error: MemoryServerError, header: str, value: str) -> None:
    sent = Sent()
    await send_error(sent, error, rpc=False)

    assert sent.headers[header] == value
