"""Sessions over the Unix socket: the SDK's server in this process, clients that behave and clients that do not."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import mcp_types as types
import pytest
from mcp.server.lowlevel import Server

from app import __version__
from app.datadir import unix_socket as unix
from app.memory.types import Scope
from app.serve import lines
from app.serve.lines import LineSessions
from app.settings.fields import Settings
from tests.support.bridges import INITIALIZED, MODERN_META
from tests.support.serving import INITIALIZE, PATIENCE_S, clean_environment
from tests.support.waiting import until


class Tools:
    """An MCP server with two tools: `wait` answers when it may, `echo` at once with its text."""

    def __init__(self) -> None:
        self.may_answer = asyncio.Event()
        self.begun = self.most = self.finished = 0
        self.scopes: list[Scope] = []
        self.server: Server[Any] = Server("test", version="1", on_call_tool=self._call)

    async def _call(self, ctx: Any, params: types.CallToolRequestParams) -> dict[str, Any]:
        text = (params.arguments or {}).get("text", "")
        self.scopes.append(ctx.request)
        if params.name == "wait":
            self.begun += 1
            self.most = max(self.most, self.begun - self.finished)
            try:
                await self.may_answer.wait()
            finally:
                self.finished += 1
        return {"content": [{"type": "text", "text": text}], "isError": False, "resultType": "complete"}


class Talk:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def send(self, *messages: Any) -> None:
        for message in messages:
            self.writer.write(message if isinstance(message, bytes) else json.dumps(message).encode() + b"\n")
        await self.writer.drain()

    async def line(self) -> dict[str, Any]:
        async with asyncio.timeout(PATIENCE_S):
            line = await self.reader.readline()
        assert line, "the connection ended"
        return json.loads(line)

    async def ended(self) -> bool:
        """Read to the end and tell that there was one."""
        async with asyncio.timeout(PATIENCE_S):
            try:
                while await self.reader.read(65_536):
                    pass
            except ConnectionError:
                pass
        return True


class Place:
    """A listening LineSessions."""

    def __init__(self, path: str, settings: Settings) -> None:
        self.path = path
        self.tools = Tools()
        self.left = 0
        self.sessions = LineSessions(self.tools.server, settings, lambda: {"version": __version__}, self._leave)
        self._talks: list[Talk] = []

    def _leave(self) -> None:
        self.left += 1

    async def connect(self, *said: Any) -> Talk:
        talk = Talk(*await asyncio.open_unix_connection(self.path, limit=2**25))
        self._talks.append(talk)
        await talk.send(*said)
        return talk

    async def bridge(self, *, initialized: bool = True, **identity: str) -> Talk:
        about = {"version": __version__, "pid": 7, **({"identity": identity} if identity else {})}
        talk = await self.connect({"bridge": about})
        user = identity.get("default_user_id", "default")
        assert (await talk.line())["daemon"] == {"version": __version__, "user": user}
        if initialized:
            await talk.send(INITIALIZE)
            assert (await talk.line())["result"]["serverInfo"]["name"] == "test"
            await talk.send(INITIALIZED)
        return talk

    async def end(self) -> None:
        for talk in self._talks:
            talk.writer.close()
        await self.sessions.stop()


@pytest.fixture
async def place(tmp_path: Path, plain_settings: Settings) -> AsyncIterator[Place]:
    place = Place(str(tmp_path / "socket"), plain_settings)
    await place.sessions.start(unix.listen(place.path))
    try:
        yield place
    finally:
        await place.end()


def call(number: int, tool: str, **arguments: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": {"name": tool, "arguments": arguments}}


async def answers(talk: Talk) -> bool:
    """Whether a session still answers."""
    await talk.send(call(900, "echo", text="here"))
    return (await talk.line())["result"]["content"][0]["text"] == "here"


async def test_a_session_shows_who_is_connected(place: Place):
    await place.bridge()
    modern = await place.bridge(initialized=False)
    await modern.send({**call(1, "echo"), "params": {"name": "echo", "_meta": MODERN_META}})
    assert (await modern.line())["result"]["content"]

    shown = [session.shown() for session in place.sessions.open]
    assert sorted(one["client"] for one in shown) == ["modern 2", "test 1"]
    assert {one["pid"] for one in shown} == {7}


async def scope_of_a_call(place: Place, talk: Talk) -> Scope:
    assert await answers(talk)
    return place.tools.scopes[-1]


async def test_a_bridge_that_tells_nothing_is_the_default_user_under_the_name_of_its_client(place: Place):
    talk = await place.bridge()

    assert await scope_of_a_call(place, talk) == Scope("default", "test")


async def test_a_bridge_names_its_user_and_its_agent(place: Place):
    talk = await place.bridge(default_user_id="ann", default_agent_id="scribe")

    assert await scope_of_a_call(place, talk) == Scope("ann", "scribe")
    [session] = place.sessions.open
    assert (session.shown()["user"], session.shown()["agent"]) == ("ann", "scribe")


async def test_the_name_of_a_client_without_a_handshake_is_noted_too(place: Place):
    talk = await place.bridge(initialized=False)
    await talk.send({**call(1, "echo"), "params": {"name": "echo", "_meta": MODERN_META}})
    await talk.line()

    assert place.tools.scopes[-1] == Scope("default", "modern")


async def test_a_client_whose_name_no_setting_would_take_is_noted_as_any(place: Place):
    talk = await place.bridge(initialized=False)
    handshake = {**INITIALIZE, "params": {**INITIALIZE["params"], "clientInfo": {"name": "x\n" * 9, "version": "1"}}}
    await talk.send(handshake)
    await talk.line()
    await talk.send(INITIALIZED)

    assert await scope_of_a_call(place, talk) == Scope("default", "claude")


@pytest.mark.parametrize("wrong", ["a\nb", "x" * 201, "", "\udc80", 7, None, ["ann"]])
async def test_an_identity_that_no_setting_would_take_is_refused_with_its_name(place: Place, wrong: Any):
    talk = await place.connect({"bridge": {"pid": 7, "identity": {"default_user_id": wrong}}})

    told = (await talk.line())["daemon"]
    if wrong is None:
        assert told["user"] == "default"
    else:
        assert told["refused"].startswith("1 wrong setting: DEFAULT_USER_ID: got ")
        assert await talk.ended()
        assert not len(place.sessions)


async def test_a_closed_session_is_not_open_any_more(place: Place):
    talk = await place.bridge()
    before = place.sessions.idle_since
    talk.writer.close()

    await until(lambda: not len(place.sessions), "the session to end")
    assert place.sessions.idle_since > before, "the idle time begins now"


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(b"\n", id="nothing"),
        pytest.param(b"GET / HTTP/1.1\r\n", id="HTTP"),
        pytest.param(b"\xff\xfe\n", id="no UTF-8"),
        pytest.param(b"[" * 100_000 + b"\n", id="deep"),
        pytest.param(b"x" * (lines.LINE_LIMIT_BYTES * 2 + 1) + b"\n", id="long"),
        pytest.param(b'{"bridge": {"pid": "x"}}\n', id="a pid that is none"),
        pytest.param(b'{"bridge": 1}\n', id="a bridge that is none"),
        pytest.param(b'{"bridge": {"identity": 7}}\n', id="an identity that is none"),
        pytest.param(b'["bridge"]\n', id="a list"),
    ],
)
async def test_who_does_not_greet_is_sent_away(place: Place, said: bytes, caplog: pytest.LogCaptureFixture):
    good = await place.bridge()
    talk = await place.connect()
    with contextlib.suppress(ConnectionError):
        await talk.send(said)

    assert await talk.ended()
    assert await answers(good)
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


async def test_who_says_nothing_is_sent_away(place: Place, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(lines, "HELLO_TIMEOUT_S", 0.05)

    assert await (await place.connect(b'{"bridge"')).ended()


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
async def test_what_is_no_message_is_answered_with_an_error(place: Place, said: bytes, code: int, request_id: int):
    good, talk = await place.bridge(), await place.bridge()

    await talk.send(said)

    answer = await talk.line()
    assert (answer["error"]["code"], answer["id"]) == (code, request_id)
    assert await answers(talk), "the session goes on"
    assert await answers(good)


async def test_half_a_surrogate_pair_reaches_the_tool_and_comes_back(place: Place):
    talk = await place.bridge()

    await talk.send(rb'{"jsonrpc": "2.0", "id": "\ud800", "method": "tools/call", "params": {"name": "echo"}}' + b"\n")

    answer = await talk.line()
    assert answer["id"] == "\ud800"
    assert "result" in answer


async def test_half_a_line_before_the_end_is_dropped(place: Place):
    good, talk = await place.bridge(), await place.bridge()
    await talk.send(json.dumps(call(1, "wait")).encode())
    talk.writer.close()

    await until(lambda: len(place.sessions) == 1, "the session to end")
    assert place.tools.begun == 0
    assert await answers(good)


async def test_only_so_many_calls_of_a_session_are_in_work(place: Place):
    good, talk = await place.bridge(), await place.bridge()
    flood = asyncio.create_task(talk.send(*(call(number, "wait", text="x" * 10_000) for number in range(500))))
    await until(lambda: place.tools.begun == lines.CALLS_AT_ONCE, "the calls")

    assert await answers(good)
    assert place.tools.begun == lines.CALLS_AT_ONCE

    place.tools.may_answer.set()
    assert sorted([(await talk.line())["id"] for _ in range(500)]) == list(range(500))
    await flood
    assert place.tools.most == lines.CALLS_AT_ONCE


async def test_cancelled_calls_make_room(place: Place):
    talk = await place.bridge()
    for number in range(lines.CALLS_AT_ONCE):
        await talk.send(call(number, "wait"))
    await until(lambda: place.tools.begun == lines.CALLS_AT_ONCE, "the calls")
    for number in range(lines.CALLS_AT_ONCE):
        cancel = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": number}}
        await talk.send(cancel)

    assert await answers(talk)


async def test_what_was_asked_before_the_client_closed_is_done(place: Place):
    talk = await place.bridge()
    await talk.send(call(1, "wait", text="done"))
    await until(lambda: place.tools.begun == 1, "the call")
    talk.writer.write_eof()
    await asyncio.sleep(0)
    place.tools.may_answer.set()

    assert (await talk.line())["result"]["content"][0]["text"] == "done"
    assert await talk.ended()


async def test_what_never_ends_is_given_up_when_its_client_has_left(place: Place, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(lines, "AFTER_CLIENT_S", 0.05)
    talk = await place.bridge()
    await talk.send(call(1, "wait"))
    await until(lambda: place.tools.begun == 1, "the call")
    talk.writer.close()

    await until(lambda: not len(place.sessions), "the session to end")
    assert place.tools.finished == 1


async def test_who_never_reads_is_dropped(place: Place, monkeypatch: pytest.MonkeyPatch, caplog: Any):
    monkeypatch.setattr(lines, "SEND_TIMEOUT_S", 0.2)
    monkeypatch.setattr(lines, "CLOSE_TIMEOUT_S", 0.2)
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


async def test_of_all_who_ask_it_to_leave_the_first_one_is_heard(place: Place):
    """A second request would count as a second signal, which ends the calls that are to finish."""
    askers = [await place.connect({"ask": "leave"}) for _ in range(3)]
    for asker in askers:
        assert (await asker.line())["daemon"]["version"] == __version__

    assert place.left == 1
    assert await (await place.connect({"bridge": {"pid": 1}})).ended(), "a bridge looks for the next one"
    assert (await (await place.connect({"ask": "status"})).line())["daemon"]


async def test_who_asked_it_to_leave_sees_the_end_of_the_process_not_of_the_sessions(place: Place):
    talk, asker = await place.bridge(), await place.connect({"ask": "leave"})
    await asker.line()
    await place.sessions.stop()

    assert await talk.ended()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asker.reader.read(1), 0.1)
    for descriptor in place.sessions._askers:
        os.close(descriptor)  # as the end of the process does
    assert await asker.reader.read(1) == b""


@pytest.mark.skipif(os.geteuid() != 0, reason="another user's process takes root to start")
async def test_another_user_is_sent_away_even_where_the_file_lets_him_in(run_folder: Path, plain_settings: Settings):
    folder = run_folder / "open-socket"
    folder.mkdir(mode=0o755)
    place = Place(str(folder / "socket"), plain_settings)
    await place.sessions.start(unix.listen(place.path))
    try:
        assert _tried_as_nobody(place.path) == "PermissionError"
        Path(place.path).chmod(0o666)
        assert await asyncio.to_thread(_tried_as_nobody, place.path) == "nothing"
    finally:
        await place.end()


def _tried_as_nobody(path: str) -> str:
    code = f"""
import os, socket
os.setuid(65534)
s = socket.socket(socket.AF_UNIX)
try:
    s.connect({path!r})
    s.sendall(b'{{"ask": "status"}}\\n')
    print(s.recv(100).decode() or "nothing")
except ConnectionError:
    print("nothing")
except OSError as error:
    print(type(error).__name__)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], env=clean_environment(), capture_output=True, text=True, timeout=PATIENCE_S
    )
    return done.stdout.strip() or done.stderr
