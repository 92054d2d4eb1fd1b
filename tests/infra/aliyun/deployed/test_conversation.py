"""MCP with the real app, over /mcp and /sse; and what other servers answer, in one line with a remedy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests

from infra.aliyun.deployed import conversation
from infra.aliyun.deployed.conversation import Conversation, NoConversation, OverHttp, OverSse
from tests.support.aliyun_answers import answering
from tests.support.aliyun_stack import TOKEN
from tests.support.serving import Server

Way = Callable[[str, str | None], Conversation]
WAYS = pytest.mark.parametrize("way", [OverHttp, OverSse])
HELLO = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}


@WAYS
def test_the_real_app_answers(way: Way, memory: Server) -> None:
    talk = way(memory.url, TOKEN)
    try:
        hello = talk.call("initialize", HELLO)
        talk.notify("notifications/initialized")
        tools = talk.call("tools/list", {})["tools"]
    finally:
        talk.close()

    assert hello["protocolVersion"] == "2025-06-18"
    assert "memorize" in {tool["name"] for tool in tools}


@WAYS
def test_an_error_of_the_server_is_told(way: Way, memory: Server) -> None:
    talk = way(memory.url, TOKEN)
    talk.call("initialize", HELLO)
    talk.notify("notifications/initialized")

    with pytest.raises(NoConversation, match="no/such"):
        talk.call("no/such", {})
    talk.close()


@WAYS
def test_without_a_token_it_says_where_to_get_one(way: Way, memory: Server) -> None:
    with pytest.raises(NoConversation, match=r"answered 401 .*; give a valid token: --token-file FILE") as refused:
        way(memory.url, "cm_wrong").call("initialize", HELLO)
    assert refused.value.status == 401


@WAYS
@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        (412, b'{"Code": "CAExited", "Message": "exited"}', r"answered 412 \(CAExited exited\); .* check"),
        (429, b"", "answered 429; try again later: the app's RATE_LIMIT_PER_MINUTE"),
        (502, b"<html>", "answered 502; the process ended"),
        (500, b'{"errorMessage": "broken"}', r"answered 500 \(broken\); .* check"),
        (302, b"", "answered 302"),
    ],
)
def test_what_function_compute_answers_is_one_line_with_what_to_do(
    way: Way, status: int, body: bytes, told: str
) -> None:
    with answering(status, body) as url, pytest.raises(NoConversation, match=told) as refused:
        way(url, None).call("initialize", HELLO)
    assert "\n" not in str(refused.value)


def test_a_stream_that_begins_with_another_event_is_refused() -> None:
    with (
        answering(200, b"event: message\r\ndata: {}\r\n\r\n", "text/event-stream") as url,
        pytest.raises(NoConversation, match="the first event is message, not endpoint"),
    ):
        OverSse(url, None)


def test_a_stream_that_sends_elsewhere_is_refused() -> None:
    with (
        answering(200, b"event: endpoint\ndata: http://other.example/x\n\n", "text/event-stream") as url,
        pytest.raises(NoConversation, match=r"sends messages to another host, http://other\.example/x"),
    ):
        OverSse(url, TOKEN)


@pytest.mark.parametrize(
    ("status", "first"), [(200, b"event: message\ndata: {}\n\n"), (200, b": ping\n\n"), (412, b"{}")]
)
def test_what_is_refused_at_the_beginning_is_closed(status: int, first: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[str] = []

    def note_closing(kind: Any) -> None:
        plain = kind.close

        def close(self: Any) -> None:
            closed.append(kind.__name__)
            plain(self)

        monkeypatch.setattr(kind, "close", close)

    note_closing(requests.Session)
    note_closing(requests.Response)
    with answering(status, first, "text/event-stream") as url, pytest.raises(NoConversation):
        OverSse(url, None)

    assert closed == (["Response", "Session"] if status == 200 else ["Session"])


def test_a_stream_that_ends_is_an_error() -> None:
    with answering(200, b": ping\n\n", "text/event-stream") as url, pytest.raises(NoConversation, match="ended before"):
        OverSse(url, None)


def test_an_answer_that_is_no_mcp_is_refused() -> None:
    with answering(200, b"hello") as url, pytest.raises(NoConversation, match="no MCP; is it a claude-memory"):
        OverHttp(url, None).call("initialize", HELLO)


def test_an_answer_may_come_as_an_event() -> None:
    with answering(200, b'data: {"id": 1, "result": {"ok": true}}\n\n', "text/event-stream") as url:
        assert OverHttp(url, None).call("ping", {}) == {"ok": True}


def test_an_answer_that_does_not_come_is_not_waited_for_without_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(conversation, "CALL_S", 0.3)
    with answering(202, b"", stream=[b"event: endpoint\ndata: /messages/?id=1\n\n", *[b": ping\n\n"] * 100]) as url:
        talk = OverSse(url, None)

        with pytest.raises(NoConversation, match="no answer to initialize within"):
            talk.call("initialize", HELLO)
        talk.close()


def test_an_address_where_nothing_answers_is_told() -> None:
    with pytest.raises(NoConversation, match=r"cannot be reached \(ConnectionError\)"):
        OverHttp("http://127.0.0.1:9", None).call("initialize", HELLO)
