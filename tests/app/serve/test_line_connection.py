"""One session: its messages, its limits, its end."""

from __future__ import annotations

import asyncio
import json
import socket
from typing import Any

import mcp_types as types
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.memory.types import Scope
from app.serve.line_connection import CALLS_AT_ONCE, LineConnection, LineTimes
from tests.support.bridges import INITIALIZED, MODERN_META
from tests.support.line_sessions import Place, answers, call, scope_of_a_call
from tests.support.serving import INITIALIZE
from tests.support.waiting import until


async def test_a_bridge_that_tells_nothing_is_the_default_user_under_the_name_of_its_client(place: Place) -> None:
    talk = await place.bridge()

    assert await scope_of_a_call(place, talk) == Scope("default", "test")


async def test_a_bridge_names_its_user_and_its_agent(place: Place) -> None:
    talk = await place.bridge(default_user_id="ann", default_agent_id="scribe")

    assert await scope_of_a_call(place, talk) == Scope("ann", "scribe")
    [session] = place.sessions.open
    assert (session.as_json()["user"], session.as_json()["agent"]) == ("ann", "scribe")


async def test_the_name_of_a_client_without_a_handshake_is_noted_too(place: Place) -> None:
    talk = await place.bridge(initialized=False)
    await talk.send({**call(1, "echo"), "params": {"name": "echo", "_meta": MODERN_META}})
    await talk.line()

    assert place.tools.scopes[-1] == Scope("default", "modern")


async def test_a_client_whose_name_no_setting_would_take_is_noted_as_any(place: Place) -> None:
    talk = await place.bridge(initialized=False)
    parameters: Any = INITIALIZE["params"]
    handshake = {**INITIALIZE, "params": {**parameters, "clientInfo": {"name": "x\n" * 9, "version": "1"}}}
    await talk.send(handshake)
    await talk.line()
    await talk.send(INITIALIZED)

    assert await scope_of_a_call(place, talk) == Scope("default", "claude")


@pytest.mark.parametrize(
    ("said", "code", "request_id"),
    [
        pytest.param(b"nonsense\n", types.PARSE_ERROR, None, id="no JSON"),
        pytest.param(b'{"jsonrpc": "2.0", "id": 1, "method": "\xff"}\n', types.PARSE_ERROR, None, id="no UTF-8"),
        pytest.param(b"[" * 200_000 + b"\n", types.PARSE_ERROR, None, id="deep"),
        pytest.param(b"[]\n", types.INVALID_REQUEST, None, id="a list"),
        pytest.param(b'{"id": 5, "method": "x"}\n', types.INVALID_REQUEST, 5, id="no JSON-RPC"),
        pytest.param(b'{"jsonrpc": "2.0", "id": 5, "method": 1}\n', types.INVALID_REQUEST, 5, id="no method"),
        pytest.param(b"x" * 50_000_000 + b"\n", types.INVALID_REQUEST, None, id="50 MB on one line"),
    ],
)
async def test_what_is_no_message_is_answered_with_an_error(
    place: Place, said: bytes, code: int, request_id: int
) -> None:
    good, talk = await place.bridge(), await place.bridge()

    await talk.send(said)

    answer = await talk.line()
    assert (answer["error"]["code"], answer["id"]) == (code, request_id)
    assert await answers(talk), "the session goes on"
    assert await answers(good)


async def test_half_a_surrogate_pair_reaches_the_tool_and_comes_back(place: Place) -> None:
    talk = await place.bridge()

    await talk.send(rb'{"jsonrpc": "2.0", "id": "\ud800", "method": "tools/call", "params": {"name": "echo"}}' + b"\n")

    answer = await talk.line()
    assert answer["id"] == "\ud800"
    assert "result" in answer


async def test_half_a_line_before_the_end_is_dropped(place: Place) -> None:
    good, talk = await place.bridge(), await place.bridge()
    await talk.send(json.dumps(call(1, "wait")).encode())
    talk.writer.close()

    await until(lambda: len(place.sessions) == 1, "the session to end")
    assert place.tools.begun == 0
    assert await answers(good)


async def test_only_so_many_calls_of_a_session_are_in_work(place: Place) -> None:
    good, talk = await place.bridge(), await place.bridge()
    flood = asyncio.create_task(talk.send(*(call(number, "wait", text="x" * 10_000) for number in range(500))))
    await until(lambda: place.tools.begun == CALLS_AT_ONCE, "the calls")

    assert await answers(good)
    assert place.tools.begun == CALLS_AT_ONCE

    place.tools.may_answer.set()
    assert sorted([(await talk.line())["id"] for _ in range(500)]) == list(range(500))
    await flood
    assert place.tools.most == CALLS_AT_ONCE


async def test_cancelled_calls_make_room(place: Place) -> None:
    talk = await place.bridge()
    for number in range(CALLS_AT_ONCE):
        await talk.send(call(number, "wait"))
    await until(lambda: place.tools.begun == CALLS_AT_ONCE, "the calls")
    for number in range(CALLS_AT_ONCE):
        cancel = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": number}}
        await talk.send(cancel)

    assert await answers(talk)


async def test_what_was_asked_before_the_client_closed_is_done(place: Place) -> None:
    talk = await place.bridge()
    await talk.send(call(1, "wait", text="done"))
    await until(lambda: place.tools.begun == 1, "the call")
    talk.writer.write_eof()
    await asyncio.sleep(0)
    place.tools.may_answer.set()

    assert (await talk.line())["result"]["content"][0]["text"] == "done"
    assert await talk.ended()


@pytest.mark.parametrize("times", [LineTimes(after_client_s=0.05)], ids=[""])
async def test_what_never_ends_is_given_up_when_its_client_has_left(place: Place) -> None:
    talk = await place.bridge()
    await talk.send(call(1, "wait"))
    await until(lambda: place.tools.begun == 1, "the call")
    talk.writer.close()

    await until(lambda: not len(place.sessions), "the session to end")
    assert place.tools.finished == 1


@pytest.mark.parametrize("times", [LineTimes(send_s=0.2, close_s=0.2)], ids=[""])
async def test_who_never_reads_is_dropped(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    good = await place.bridge()
    silent = socket.socket(socket.AF_UNIX)
    with silent:
        silent.connect(place.path)
        silent.sendall(json.dumps({"bridge": {"pid": 1}}).encode() + b"\n" + json.dumps(INITIALIZE).encode() + b"\n")
        silent.setblocking(False)
        for number in range(20):
            data = json.dumps(call(number, "echo", text="x" * 100_000)).encode() + b"\n"
            try:
                await asyncio.wait_for(asyncio.get_running_loop().sock_sendall(silent, data), 5)
            except ConnectionError:
                break

        await until(lambda: len(place.sessions) == 1, "the session to end")
        assert await answers(good)
        assert not [record for record in caplog.records if record.levelname == "ERROR"]


MESSAGES = st.fixed_dictionaries(
    {},
    optional={
        "jsonrpc": st.just("2.0"),
        "id": st.integers() | st.text(max_size=5) | st.none() | st.lists(st.none(), max_size=1),
        "method": st.sampled_from(["ping", "tools/list", "tools/call", "initialize", "notifications/cancelled", "x"]),
        "params": st.none()
        | st.text(max_size=5)
        | st.dictionaries(st.sampled_from(["name", "requestId", "_meta", "arguments"]), st.none() | st.integers()),
        "result": st.none(),
    },
)
SAID = st.binary(max_size=40).map(lambda line: line.replace(b"\n", b"")) | MESSAGES.map(
    lambda one: json.dumps(one).encode()
)


@settings(max_examples=20)
@given(said=st.lists(SAID, max_size=5))
async def test_no_lines_end_a_session_or_leave_a_traceback(
    place: Place, caplog: pytest.LogCaptureFixture, said: list[bytes]
) -> None:
    talk = await place.bridge()
    await talk.send(*(line + b"\n" for line in said), {"jsonrpc": "2.0", "id": "the last", "method": "ping"})

    while (await talk.line()).get("id") != "the last":
        pass
    assert not [record for record in caplog.records if record.exc_info]
    talk.writer.close()


async def test_an_answer_for_a_client_that_is_gone_ends_the_session_as_any_end_does() -> None:
    """A write to a closed connection would say nothing, or be a RuntimeError of other event loops."""
    left, right = socket.socketpair()
    reader, writer = await asyncio.open_connection(sock=left)
    right.close()
    writer.close()
    server: Any = None
    session: Any = None
    connection = LineConnection(server, session, reader, writer)

    with pytest.raises(ConnectionResetError, match="the client is gone"):
        await connection._send(types.JSONRPCError(jsonrpc="2.0", id=1, error=types.ErrorData(code=1, message="late")))
    for stream in (connection._to_server, connection._for_server, connection._from_server, connection._answers):
        stream.close()
