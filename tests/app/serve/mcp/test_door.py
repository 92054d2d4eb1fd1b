"""Requests to /mcp as clients send them: headers, ids, batches."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.types import Receive, Scope, Send

from app.errors import RateLimited
from app.http.reply import send_json
from app.runtime.runtime import Runtime
from app.serve.mcp.door import BATCH_LIMIT, Door, in_plain_form
from app.serve.mcp.tools import TOOLS
from tests.support.mcp import over_http
from tests.support.waiting import PATIENCE_S

PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
STATS = {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "memory_stats", "arguments": {}}}
NOTIFICATION = {"jsonrpc": "2.0", "method": "notifications/initialized"}


async def post(runtime: Runtime, body: Any, **headers: str) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    async with over_http(runtime) as http:
        request = http.build_request("POST", "/mcp", content=content, headers={"content-type": "application/json"})
        request.headers.pop("accept")
        request.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
        return await http.send(request)


def encoded(value: str) -> str:
    """Return a header's value as clients write one that is not plain."""
    return f"=?base64?{base64.b64encode(value.encode()).decode()}?="


class Unreachable:
    """An endpoint that nothing may reach."""

    async def handle_request(self, scope: Scope, receive: Receive, send: Send) -> None:
        raise AssertionError("reached")


class TestAccept:
    @pytest.mark.parametrize(
        "accept",
        [
            None,
            "",
            " , ",
            "*/*",
            "application/json",
            "application/*;q=0.5",
            "text/html, */*",
            "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2",
            "text/event-stream, application/json;q=0.001",
            "text/event-stream;q=0, */*",
            "application/json;charset=utf-8",
            "application/*;q=0, application/json",
        ],
    )
    async def test_none_or_any_that_fits_gets_json(self, runtime: Runtime, accept: str | None) -> None:
        answer = await post(runtime, PING, **({} if accept is None else {"accept": accept}))

        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
        assert answer.json()["result"] == {}

    @pytest.mark.parametrize(
        "accept",
        [
            "text/event-stream",
            "text/*",
            "TEXT/EVENT-STREAM; q=1",
            "application/json;q=0, */*",
            "application/json; q=0.000, text/event-stream",
        ],
    )
    async def test_an_event_stream_alone_gets_one(self, runtime: Runtime, accept: str) -> None:
        answer = await post(runtime, STATS, accept=accept)

        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream")
        event, data, *rest = answer.text.split("\r\n")
        assert (event, rest) == ("event: message", ["", ""])
        assert json.loads(data.removeprefix("data: "))["id"] == 2
        assert int(answer.headers["content-length"]) == len(answer.content)

    async def test_a_notification_is_taken_without_a_stream(self, runtime: Runtime) -> None:
        assert (await post(runtime, NOTIFICATION, accept="text/event-stream")).status_code == 202

    @pytest.mark.parametrize(
        "accept", ["text/html", "*/*;q=0", "application/json;q=0", "application/json;Q=0.0, text/*; q=0", "application"]
    )
    @pytest.mark.parametrize("body", [PING, [PING, PING]], ids=["one", "batch"])
    async def test_another_type_is_refused(self, runtime: Runtime, body: Any, accept: str) -> None:
        answer = await post(runtime, body, accept=accept)

        assert answer.status_code == 406
        assert answer.json()["error"]["message"].startswith(f"Accept: got '{accept}', takes application/json or")


class TestContentType:
    @pytest.mark.parametrize("given", ["application/json", "application/json; charset=utf-8", "Application/JSON ;a=b"])
    async def test_json_is_taken(self, runtime: Runtime, given: str) -> None:
        assert (await post(runtime, PING, content_type=given)).status_code == 200

    @pytest.mark.parametrize(
        "given", ["", "text/plain", "application/json-patch+json", "application/x-www-form-urlencoded"]
    )
    @pytest.mark.parametrize("body", [PING, [PING, PING]], ids=["one", "batch"])
    async def test_what_a_page_could_send_without_asking_is_refused(
        self, runtime: Runtime, body: Any, given: str
    ) -> None:
        answer = await post(runtime, body, content_type=given)

        assert answer.status_code == 415
        assert answer.json()["error"]["message"] == f"Content-Type: got '{given}', takes application/json"


class TestBody:
    @pytest.mark.parametrize("message", [PING, [PING]], ids=["one", "batch"])
    async def test_a_byte_order_mark_is_no_part_of_it(self, runtime: Runtime, message: Any) -> None:
        answer = await post(runtime, b"\xef\xbb\xbf" + json.dumps(message).encode())

        assert answer.status_code == 200

    @pytest.mark.parametrize("method", ["ping", "tools/list", "resources/list", "prompts/list"])
    async def test_parameters_that_are_an_empty_list_are_none(self, runtime: Runtime, method: str) -> None:
        answer = await post(runtime, {"jsonrpc": "2.0", "id": 2.0, "method": method, "params": []})

        assert "result" in answer.json()

    async def test_arguments_that_are_nothing_are_none(self, runtime: Runtime) -> None:
        nothings: list[Any] = [[], "", "{}", None, {"kwargs": {}}]
        for nothing in nothings:
            params = {"name": "memory_stats", "arguments": nothing}
            answer = await post(runtime, {**STATS, "params": params})
            assert answer.json()["result"]["isError"] is False, nothing

    async def test_one_over_the_limit_is_refused_before_it_is_read(self) -> None:
        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await Door(Unreachable(), 1_000).handle_request(scope, receive, send)

        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as http:
            answer = await http.post("/mcp", json={"text": "x" * 2_000})

        assert answer.status_code == 413

    def test_one_that_is_written_anew_does_not_grow(self) -> None:
        texts = ["é" * 1_000, "纪" * 1_000, "😀" * 1_000, ["a"] * 1_000, 1.5, "\n"]
        message = {"jsonrpc": "2.0", "id": 3.0, "method": "tools/call", "params": {"name": "x", "arguments": texts}}
        for body in (json.dumps(message, ensure_ascii=False, separators=(",", ":")), json.dumps(message)):
            plain = in_plain_form(body.encode())
            assert json.loads(plain) == {**message, "id": 3}
            assert len(plain) < len(body.encode())

    async def test_an_id_is_found_on_either_side_of_large_parameters(self, runtime: Runtime) -> None:
        params = (
            '"params": {"name": "memorize", "arguments": {"text": "' + "x" * 100_000 + '"}}, "method": "tools/call"'
        )
        for body in (f'{{"jsonrpc": "2.0", "id": null, {params}}}', f'{{"jsonrpc": "2.0", {params}, "id": null}}'):
            assert (await post(runtime, body.encode())).status_code == 400


class TestId:
    @pytest.mark.parametrize("given", ["null", "2.5", "true", "[1]", '{"a": 1}', "1e-3", "1e400", "NaN", "-Infinity"])
    async def test_one_that_is_none_is_refused_by_name(self, runtime: Runtime, given: str) -> None:
        answer = await post(runtime, f'{{"jsonrpc": "2.0", "id": {given}, "method": "ping"}}'.encode())

        assert answer.status_code == 400
        body = answer.json()
        assert (body["id"], body["error"]["code"]) == (None, -32600)
        assert "takes a text or a whole number" in body["error"]["message"]

    @pytest.mark.parametrize(("given", "same"), [("2.0", 2), ("2e0", 2), ("-3.0", -3), ('"2.5"', "2.5"), ("7", 7)])
    async def test_a_whole_number_in_any_form_is_answered(self, runtime: Runtime, given: str, same: object) -> None:
        answer = await post(runtime, f'{{"jsonrpc": "2.0", "id": {given}, "method": "ping"}}'.encode())

        assert answer.json() == {"jsonrpc": "2.0", "id": same, "result": {}}

    async def test_an_id_in_the_arguments_is_no_id_of_the_request(self, runtime: Runtime) -> None:
        messages = [{"role": "user", "content": "hi", "id": None}]
        params = {"name": "memorize_conversation", "arguments": {"messages": messages}}

        answer = await post(runtime, {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})

        assert answer.json()["result"]["structuredContent"]["stored"] == 1


class TestBatch:
    @pytest.mark.parametrize("version", [None, "2025-03-26"])
    async def test_each_message_is_answered_but_notifications(self, runtime: Runtime, version: str | None) -> None:
        headers = {} if version is None else {"mcp_protocol_version": version}

        answer = await post(runtime, [PING, NOTIFICATION, STATS, {**PING, "id": None}], **headers)

        assert answer.status_code == 200
        first, second, third = answer.json()
        assert (first["id"], second["id"], third["id"]) == (1, 2, None)
        assert second["result"]["isError"] is False
        assert third["error"]["code"] == -32600

    async def test_notifications_alone_are_accepted(self, runtime: Runtime) -> None:
        answer = await post(runtime, [NOTIFICATION, NOTIFICATION])

        assert (answer.status_code, answer.content) == (202, b"")

    @pytest.mark.parametrize("version", ["2024-11-05", "2025-06-18", "2025-11-25", "2026-07-28"])
    async def test_other_versions_have_none(self, runtime: Runtime, version: str) -> None:
        answer = await post(runtime, [PING], mcp_protocol_version=version)

        assert answer.status_code == 400
        assert answer.json()["error"]["message"].startswith(f"a batch: MCP {version} takes one message a request")

    @pytest.mark.parametrize(
        ("body", "says"),
        [
            (b"[]", "got 0 messages"),
            (json.dumps([PING] * (BATCH_LIMIT + 1)).encode(), f"got {BATCH_LIMIT + 1} messages, takes 1 to"),
            (b"[nonsense", "not JSON"),
            (
                json.dumps([PING, {**PING, "method": "initialize"}]).encode(),
                "initialize has to be a request of its own",
            ),
            (b"[" * 100_000, "not JSON"),
            (b"[" + b"9" * 5_000 + b"]", "not JSON"),
        ],
    )
    async def test_one_that_is_none_is_refused_whole(self, runtime: Runtime, body: bytes, says: str) -> None:
        answer = await post(runtime, body)

        assert answer.status_code == 400
        assert says in answer.json()["error"]["message"]

    async def test_one_nested_at_the_limit_of_either_parser_or_writer_is_answered(self, runtime: Runtime) -> None:
        async with over_http(runtime) as http:
            for depth in range(800, 1_010):
                body = b'[{"jsonrpc": "2.0", "id": 1, "method": "ping", "params": {"a": ' + b"[" * depth + b"]" * depth
                answer = await http.post("/mcp", content=body + b"}}]", headers={"content-type": "application/json"})
                assert answer.status_code in (200, 400)

    async def test_half_a_surrogate_pair_is_told_of_by_the_tool_of_its_message(self, runtime: Runtime) -> None:
        torn = {**STATS, "params": {"name": "memorize", "arguments": {"text": "a\ud800b"}}}

        first, second = (await post(runtime, [torn, PING])).json()

        assert first["id"] == 2
        assert first["result"]["content"][0]["text"].startswith("invalid_input: text: got")
        assert second["result"] == {}

    async def test_each_message_counts_against_the_rate_limit(self) -> None:
        reached: list[int] = []

        class Endpoint:
            async def handle_request(self, scope: Scope, receive: Receive, send: Send) -> None:
                message = json.loads((await receive())["body"])
                reached.append(message["id"])
                await send_json(send, 200, {"jsonrpc": "2.0", "id": message["id"], "result": {}})

        async def count_request() -> None:
            if len(reached) == 2:
                raise RateLimited(2, 1.0)

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            scope["state"] = {"count_request": count_request}
            await Door(Endpoint(), 10_000).handle_request(scope, receive, send)

        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as http:
            answer = await http.post("/mcp", json=[{**PING, "id": number} for number in (1, 2, 3)])

        assert reached == [1, 2]
        assert [one["id"] for one in answer.json()] == [1, 2, 3]
        assert answer.json()[2]["error"]["data"]["code"] == "rate_limited"


async def test_half_a_surrogate_pair_is_told_of_as_events_where_those_are_wanted(runtime: Runtime) -> None:
    torn = {**STATS, "id": 2.0, "params": {"name": "memorize", "arguments": {"text": "a\ud800b"}}}

    answer = await post(runtime, torn, accept="text/event-stream")

    assert answer.headers["content-type"] == "text/event-stream"
    assert '"id": 2,' in answer.text


class TestSpaceAroundAHeader:
    """It is no part of the value (RFC 9110, 5.5)."""

    async def test_in_the_version(self, runtime: Runtime) -> None:
        answer = await post(runtime, [PING], mcp_protocol_version=" 2025-03-26\t")

        assert answer.status_code == 200

    @pytest.mark.parametrize(
        ("name", "status"),
        [
            ("search_memory", 200),
            (" search_memory  ", 200),
            ("\tsearch_memory\t", 200),
            (encoded("search_memory"), 200),
            (f"  {encoded('search_memory')} ", 200),
            (encoded(" search_memory "), 400),
            ("search _memory", 400),
            ("memorize", 400),
        ],
    )
    async def test_in_what_a_request_names(self, runtime: Runtime, name: str, status: int) -> None:
        meta = {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientInfo": {"name": "a client", "version": "1"},
            "io.modelcontextprotocol/clientCapabilities": {},
        }
        params = {"name": "search_memory", "arguments": {"query": "q"}, "_meta": meta}
        headers = {"mcp_protocol_version": " 2026-07-28 ", "mcp_method": " tools/call ", "mcp_name": name}

        answer = await post(runtime, {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}, **headers)

        assert answer.status_code == status
        assert ("result" in answer.json()) is (status == 200)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
METHODS = [
    "ping",
    "tools/list",
    "tools/call",
    "resources/read",
    "prompts/get",
    "completion/complete",
    "notifications/x",
]
MESSAGES = st.fixed_dictionaries(
    {},
    optional={
        "jsonrpc": st.just("2.0") | JSON,
        "id": st.integers() | st.text() | JSON,
        "method": st.sampled_from(METHODS) | JSON,
        "params": st.fixed_dictionaries(
            {}, optional={"name": st.sampled_from(["memory_health", "recall"]) | JSON, "arguments": JSON, "uri": JSON}
        )
        | JSON,
        "result": JSON,
    },
)
BODIES = (
    st.binary(max_size=100)
    | (MESSAGES | st.lists(MESSAGES | JSON, max_size=4) | JSON).map(lambda one: json.dumps(one).encode())
    | st.text(alphabet='[]{}":,0123456789.eE-null\\ud8', max_size=60).map(str.encode)
)
PRINTABLE = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40)
TYPES = st.lists(
    st.sampled_from(["application/json", "text/event-stream", "*/*", "text/*", ";q=0", ",", ";", "q=", " "]), max_size=5
).map("".join)


async def test_no_request_fails_whatever_it_holds(runtime: Runtime, caplog: pytest.LogCaptureFixture) -> None:
    async with over_http(runtime) as http:
        loop = asyncio.get_running_loop()

        async def send(body: bytes, headers: dict[str, str]) -> httpx.Response:
            return await http.post("/mcp", content=body, headers=headers)

        @settings(deadline=None, suppress_health_check=list(HealthCheck))
        @given(BODIES, TYPES | PRINTABLE, st.sampled_from(["application/json", "text/plain"]), st.none() | PRINTABLE)
        def ask(body: bytes, accept: str, content_type: str, version: str | None) -> None:
            headers = {"accept": accept, "content-type": content_type}
            headers |= {} if version is None else {"mcp-protocol-version": version}
            answer = asyncio.run_coroutine_threadsafe(send(body, headers), loop).result(PATIENCE_S)
            assert answer.status_code < 500
            assert answer.status_code == 202 or answer.content

        await asyncio.to_thread(ask)
    assert not [record for record in caplog.records if record.exc_info]


TEXTS = st.text(max_size=40) | st.sampled_from(
    [
        "\x00",
        "\ud800",
        "\u202e",
        "a\u0301" * 50,
        "%00",
        "'; --",
        "\\",
        "{}",
        "[" * 200,
        "0001-01-01",
        "x" * 300,
        "-1e400",
    ]
)
VALUES = JSON | TEXTS | st.integers(-(2**70), 2**70) | st.lists(TEXTS, max_size=3)


@st.composite
def calls(draw: st.DrawFn) -> dict[str, Any]:
    """Return the name of a tool, and arguments that it may know, mostly of wrong values."""
    tool = TOOLS[draw(st.sampled_from(list(TOOLS)))]
    names = st.sampled_from(list(tool.request.model_fields) or [""])
    arguments = draw(st.dictionaries(names | st.text(max_size=3), VALUES, max_size=4))
    arguments |= {
        name: draw(TEXTS.filter(bool) if name in ("text", "query", "id") else VALUES)
        for name, field in tool.request.model_fields.items()
        if field.is_required()
    }
    return {"name": tool.name, "arguments": arguments}


async def test_no_call_fails_whatever_its_arguments_hold(runtime: Runtime, caplog: pytest.LogCaptureFixture) -> None:
    async with over_http(runtime) as http:
        loop = asyncio.get_running_loop()

        @settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
        @given(calls())
        def ask(params: dict[str, Any]) -> None:
            body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})
            answer = asyncio.run_coroutine_threadsafe(
                http.post("/mcp", content=body.encode(), headers={"content-type": "application/json"}), loop
            ).result(PATIENCE_S)
            assert answer.status_code == 200
            assert "internal error" not in answer.text

        await asyncio.to_thread(ask)
    assert not [record for record in caplog.records if record.exc_info]
