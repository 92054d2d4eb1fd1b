"""The server as a process: both transports, what it lets through, and how it ends."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mcp.client.session import ClientSession
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client

from app.serve.service import MCP_BODY_LIMIT_BYTES
from app.serve.sse import SseSessions
from tests.support.pooler import refusing_pooler
from tests.support.serving import INITIALIZE, MCP_HEADERS, Server, SlowServer, SseStream, refused, serving
from tests.support.waiting import wait_until


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("server") / "data", LOG_FORMAT="json") as server:
        yield server


def call_message(number: int, tool: str, **arguments: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": {"name": tool, "arguments": arguments}}


def open_session(server: Server, headers: dict[str, str] | None = None) -> tuple[SseStream, str]:
    """Open an SSE session up to where calls are taken; return the stream and where messages go."""
    stream = SseStream(server.port, headers)
    path = stream.messages_path()
    for message in (INITIALIZE, {"jsonrpc": "2.0", "method": "notifications/initialized"}):
        assert server.request("POST", path, message, {**MCP_HEADERS, **(headers or {})})[0] == 202
    stream.read_until(b'"serverInfo"')
    return stream, path


async def test_the_sdks_client_remembers_over_streamable_http(server: Server) -> None:
    async with (
        streamable_http_client(f"{server.url}/mcp") as streams,
        ClientSession(streams[0], streams[1]) as session,
    ):
        await session.initialize()
        assert "memorize" in {tool.name for tool in (await session.list_tools()).tools}
        result = await session.call_tool("memorize", {"text": "the kettle is blue"})
        assert result.structured_content["created"] is True


async def test_the_sdks_client_remembers_over_sse(server: Server) -> None:
    async with sse_client(f"{server.url}/sse") as streams, ClientSession(*streams) as session:
        await session.initialize()
        await session.call_tool("memorize", {"text": "the teapot is green"})
        found = await session.call_tool("search_memory", {"query": "which colour has the teapot"})
        assert found.structured_content["results"][0]["text"] == "the teapot is green"
        assert server.request("GET", "/status")[2]["sessions"] == 1
    wait_until(lambda: server.request("GET", "/status")[2]["sessions"] == 0, "the session to end")


def test_streams_beat_often_enough_for_every_proxy() -> None:
    from mcp.server.lowlevel import Server as McpServer
    from sse_starlette import EventSourceResponse

    SseSessions(McpServer("x"))

    async def nothing() -> Any:
        yield b""

    assert EventSourceResponse(nothing()).ping_interval <= 15


def test_ten_megabytes_reach_the_tool_which_refuses_them(server: Server) -> None:
    result = server.call("memorize", {"text": "x" * 10_000_000})

    assert result["isError"] is True
    assert "text" in result["content"][0]["text"]


def test_more_than_the_limit_does_not_reach_it(server: Server) -> None:
    body = call_message(1, "memorize", text="x" * MCP_BODY_LIMIT_BYTES)

    assert server.request("POST", "/mcp", body, MCP_HEADERS)[0] == 413


def test_each_call_is_one_line_without_content(server: Server) -> None:
    server.call("memorize", {"text": "a very private sentence"}, **{"X-Request-Id": "line-1"})

    def line() -> dict[str, Any] | None:
        lines = [json.loads(line) for line in server.log.splitlines()]
        return next((line for line in lines if line.get("request_id") == "line-1"), None)

    written = wait_until(line, "the line")
    assert (written["tool"], written["user"], written["outcome"]) == ("memorize", "default", "ok")
    assert written["duration_ms"] > 0
    assert "private sentence" not in server.log


def test_a_call_over_sse_is_logged_under_its_own_requests_id(server: Server) -> None:
    stream, path = open_session(server)
    try:
        headers = {**MCP_HEADERS, "X-Request-Id": "sse-line"}
        server.request("POST", path, call_message(5, "memory_stats"), headers)
        stream.read_until(b'"id":5')
    finally:
        stream.close()

    assert '"request_id": "sse-line"' in server.log


@pytest.mark.parametrize(
    "bytes_",
    [
        pytest.param(b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: x\r\n\r\n", id="two hosts"),
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", id="no host"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: \xff\r\nOrigin: \xfe\r\n\r\n", id="bytes that are no text"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: localhost\r\nb\xc3d n\x7fme: x\r\n\r\n", id="a name that is none"),
        pytest.param(b"GET /%ff%00 HTTP/1.1\r\nHost: localhost\r\n\r\n", id="a path that is no text"),
        pytest.param(b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n", id="a star"),
        pytest.param(b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n", id="a length that is none"),
        pytest.param(
            b"POST /messages/?session_id=x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n", id="no id"
        ),
        pytest.param(b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n", id="no body"),
    ],
)
def test_odd_requests_are_the_clients_fault(server: Server, bytes_: bytes) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
        client.sendall(bytes_)
        first = client.recv(1_000)

    assert first.startswith(b"HTTP/1.1 4"), first
    assert "Traceback" not in server.log


def test_get_and_delete_of_mcp_are_told_that_there_is_no_session(server: Server) -> None:
    for method in ("GET", "DELETE"):
        status, headers, _ = server.request(method, "/mcp", headers=MCP_HEADERS)
        assert (status, headers["allow"]) == (405, "POST")


def test_metrics_have_a_port_of_their_own(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with serving(tmp_path / "data", kind=SlowServer, METRICS_PORT=str(port)) as server:
        assert server.request("GET", "/metrics", port=port)[0] == 200
        assert server.request("GET", "/health", port=port)[0] == 200
        assert server.request("GET", "/metrics")[0] == 404


def test_a_misspelt_setting_is_said_at_the_start_in_one_line(tmp_path: Path) -> None:
    with serving(tmp_path / "data", kind=SlowServer, QRDANT_URL="http://elsewhere") as server:
        assert server.log.count("set, but unused: QRDANT_URL (QDRANT_URL?)") == 1
        assert "elsewhere" not in server.log


def test_required_tokens_must_be_there(tmp_path: Path) -> None:
    status, _, error = refused(
        tmp_path / "data", "--port", "0", "--host", "0.0.0.0", AUTH="required", LOG_LEVEL="ERROR"
    )

    assert status == 1
    assert error.count("\n") == 1
    assert "claude-memory token create --user NAME" in error


def test_it_waits_for_a_database_server_that_comes_later(tmp_path: Path) -> None:
    with serving(tmp_path / "data", kind=SlowServer, START_FAILS_WITH="3") as server:
        assert server.log.count("trying again") == 3


def test_a_database_that_does_not_come_is_tried_again_until_a_signal_and_no_longer(tmp_path: Path) -> None:
    with serving(
        tmp_path / "data", ready=False, kind=SlowServer, START_FAILS_WITH="1000000", DRAIN_SECONDS="8"
    ) as server:
        wait_until(lambda: server.log.count("trying again") > 2, "some tries")
        begun = time.monotonic()
        assert server.stop() == 0

        assert time.monotonic() - begun < 7, "there was nothing to drain"
        assert "trying again" not in server.log.partition("stopping")[2]
        assert server.log.count("modules loaded") == 1


def test_a_pooler_that_refuses_is_told_once_and_not_tried_again(tmp_path: Path) -> None:
    with refusing_pooler("unsupported startup parameter: jit") as (url, refused):
        with serving(tmp_path / "data", ready=False, DATABASE_URL=url) as server:
            assert server.process.wait(30) == 2

        assert "trying again" not in server.log
        assert server.log.splitlines()[-1].startswith("claude-memory: PostgreSQL, or a pooler before it, refused")
        assert server.log.count("unsupported startup parameter: jit") == 1
        assert len(refused) <= 2, "once with TLS, once without"


def test_open_streams_end_properly_and_nothing_is_left(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as server:
        streams = [open_session(server)[0] for _ in range(5)]
        raw = [SseStream(server.port) for _ in range(3)]
        for stream in raw:
            stream.messages_path()

        assert server.stop() == 0

        for stream in [*streams, *raw]:
            assert stream.read_to_end().endswith(b"0\r\n\r\n"), "the last chunk"
            stream.close()
        for word in ("Traceback", "Error", "ERROR"):
            assert word not in server.log
        assert server.left_over() == []


def test_running_calls_finish_before_it_ends(tmp_path: Path) -> None:
    over_http, over_sse = tmp_path / "http", tmp_path / "sse"
    answers: list[Any] = []
    with serving(tmp_path / "data", kind=SlowServer) as server:
        stream, path = open_session(server)
        server.request("POST", path, call_message(9, "wait", file=str(over_sse)), MCP_HEADERS)
        caller = threading.Thread(target=lambda: answers.append(server.call("wait", {"file": str(over_http)})))
        caller.start()
        try:
            for file in (over_http, over_sse):
                wait_until(file.with_suffix(".begun").exists, "the call to begin")
            server.process.terminate()
            wait_until(lambda: "stopping" in server.log, "the signal to arrive")
            assert server.process.poll() is None
        finally:
            over_http.touch()
            over_sse.touch()
            caller.join(20)

        assert b'"waited"' in stream.read_to_end()
        assert answers[0]["content"][0]["text"] == "waited"
        assert server.process.wait(20) == 0
        assert "Traceback" not in server.log
        stream.close()


def test_a_second_signal_ends_it_at_once(tmp_path: Path) -> None:
    failures: list[Exception] = []
    with serving(tmp_path / "data", kind=SlowServer) as server:

        def call() -> None:
            try:
                server.call("wait", {"file": str(tmp_path / "never")})
            except (OSError, AssertionError) as error:
                failures.append(error)

        caller = threading.Thread(target=call)
        caller.start()
        stream, _ = open_session(server)
        wait_until((tmp_path / "never.begun").exists, "the call to begin")
        server.process.terminate()
        wait_until(lambda: "stopping" in server.log, "the signal to arrive")
        assert server.stop() == 0
        caller.join(20)
        stream.close()

        assert failures, "the caller learns that it got no answer"
        assert "Traceback" not in server.log
