"""One connection within its bounds, over a real socket and with an application that reads bodies."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import json
import re
import select
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.types import Receive, Scope, Send

from app.errors import MemoryServerError
from app.http.bounds import BOUNDS, Bounds, Descriptors
from app.http.connection import BoundedConnection
from app.http.reply import send_error, send_json
from app.http.state import check_descriptors
from app.http.uvicorn_server import Uvicorn, config
from tests.support.waiting import until

HOST = b"Host: x\r\n"
POST = b"POST / HTTP/1.1\r\n" + HOST
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
QUICK = Bounds(
    head_s=0.3,
    body_s=3,
    body_grace_s=0.3,
    late_s=0.3,
    unread_s=0.3,
    refusal_s=0.0,
    linger_s=0.3,
    stalled_s=0.2,
    bodies_bytes=300_000,
)
MUCH = b"x" * 4_000_000


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer the size of the body, or MUCH at /much; /unread reads no body, /slow takes its time."""
    size, more = 0, scope["path"] != "/unread"
    try:
        if scope["path"] != "/health":
            check_descriptors(scope)
        while more:
            message = await receive()
            size += len(message.get("body", b""))
            more = message.get("more_body", False)
        if scope["path"] == "/slow":
            await asyncio.sleep(0.6)
        if scope["path"] == "/much":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": MUCH, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
            return
    except MemoryServerError as error:
        await send_error(send, error, rpc=False)
    else:
        await send_json(send, 200, {"size": size, "headers": len(scope["headers"])})


@asynccontextmanager
async def serving(bounds: Bounds, descriptors: Descriptors | None = None) -> AsyncIterator[Uvicorn]:
    """Serve the application on a free port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Uvicorn(config(application, timeout_keep_alive=30), bounds, descriptors)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            await until(lambda: server.started, "the server")
            yield server
        finally:
            server.should_exit = server.force_exit = True
            await task


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def quick() -> AsyncIterator[Uvicorn]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("app.http.uvicorn_server.LOOK_EVERY_TICKS", 1)
        async with serving(QUICK) as server:
            yield server


class Client:
    """A client that sends what it likes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def rest(self) -> bytes:
        """Return what comes until the server closes; b"reset" when it breaks the connection."""
        try:
            async with asyncio.timeout(8):
                return await self.reader.read()
        except ConnectionError:
            return b"reset"

    async def answer(self) -> tuple[int, bytes]:
        """Return one answer's status and body; the connection stays open."""
        async with asyncio.timeout(8):
            head = await self.reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            return int(head.split()[1]), await self.reader.readexactly(length)


Connect = Callable[[Uvicorn], Awaitable[Client]]


@pytest_asyncio.fixture(loop_scope="module")
async def connect() -> AsyncIterator[Connect]:
    """Return a function that connects; the connections close at the end."""
    clients: list[Client] = []

    async def connected(server: Uvicorn) -> Client:
        port = server.acceptors[0].listener.getsockname()[1]
        clients.append(Client(*await asyncio.open_connection("127.0.0.1", port, limit=2**24)))
        return clients[-1]

    yield connected
    for client in clients:
        client.writer.transport.abort()
        with contextlib.suppress(OSError):
            await client.writer.wait_closed()


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        pytest.param(b"GET / HTTP/1.1\r\nX: " + b"a" * 600_000, 431, id="a header without end"),
        pytest.param(b"GET /" + b"a" * 600_000, 431, id="a request line without end"),
        pytest.param(b"\r\n" * 300_000, 431, id="empty lines without end"),
        pytest.param(b"GET / HTTP/1.1\r\nX: " + b"a" * 65_536 + b"\r\n\r\n", 431, id="headers just too long"),
        pytest.param(b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 101 + b"\r\n", 431, id="101 headers"),
        pytest.param(CHUNKED + b"1;" + b"a" * 600_000, 400, id="a chunk's extension without end"),
        pytest.param(CHUNKED + (b"1;" + b"a" * 60_000 + b"\r\na\r\n") * 25, 400, id="many long extensions"),
        pytest.param(CHUNKED + b"1\r\na\r\n" * 50_000, 400, id="chunks of one byte"),
        pytest.param(CHUNKED + b"0\r\n" + b"a: b\r\n" * 101 + b"\r\n", 400, id="101 trailers"),
        pytest.param(CHUNKED + b"0\r\nX: " + b"a" * 600_000, 400, id="a trailer without end"),
        pytest.param(CHUNKED + b"no number\r\n", 400, id="a chunk without a size"),
        pytest.param(bytes.fromhex("16030100f5010000f10303") + bytes(200), 400, id="TLS"),
        pytest.param(b"GET / HTTP/1.1\r\nX: a\0b\r\n\r\n", 400, id="a null"),
        pytest.param(b"GET http:// HTTP/1.1\r\n" + HOST + b"\r\n", 400, id="an address without a path"),
    ],
)
async def test_what_is_over_a_bound_is_refused_and_the_connection_closes(
    quick: Uvicorn, connect: Connect, sent: bytes, status: int
) -> None:
    client = await connect(quick)
    client.writer.write(sent)

    assert (await client.rest()).startswith(b"HTTP/1.1 %d " % status)


async def test_what_is_within_the_bounds_passes(quick: Uvicorn, connect: Connect) -> None:
    client = await connect(quick)
    await client.send(b"GET /" + b"a" * 60_000 + b" HTTP/1.1\r\n" + HOST + b"a: b\r\n" * 99 + b"\r\n")
    assert json.loads((await client.answer())[1]) == {"size": 0, "headers": 100}
    await client.send(CHUNKED + (b"40\r\n" + b"a" * 64 + b"\r\n") * 5_000 + b"0\r\nX: trailer\r\n\r\n")
    assert json.loads((await client.answer())[1]) == {"size": 320_000, "headers": 2}
    await client.send(POST + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
    assert (await client.answer())[0] == 200


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"GET / HT", id="half a head"),
        pytest.param(b"\r\n", id="an empty line"),
    ],
)
@pytest.mark.parametrize("again", [False, True], ids=["first", "after an answer"])
async def test_a_head_has_its_time(quick: Uvicorn, connect: Connect, sent: bytes, again: bool) -> None:
    client = await connect(quick)
    if again:
        await client.send(POST + b"\r\n")
        await client.answer()
    await client.send(sent or (b"G" if again else b""))
    begun = asyncio.get_running_loop().time()

    assert await client.rest() == b""
    assert asyncio.get_running_loop().time() - begun < 3


async def test_a_byte_now_and_then_does_not_prolong_it(quick: Uvicorn, connect: Connect) -> None:
    client = await connect(quick)
    with pytest.raises(ConnectionError):
        for _ in range(40):
            await client.send(b"G")
            await asyncio.sleep(0.1)


async def test_an_idle_connection_stays_open_and_a_running_call_is_not_hurried(
    quick: Uvicorn, connect: Connect
) -> None:
    client = await connect(quick)
    await client.send(POST + b"\r\n")
    await client.answer()
    await asyncio.sleep(0.6)
    await client.send(POST.replace(b"/", b"/slow", 1) + b"\r\n")

    assert (await client.answer())[0] == 200


async def test_a_body_has_its_time_which_grows_with_what_comes(quick: Uvicorn, connect: Connect) -> None:
    silent, slow, steady = [await connect(quick) for _ in range(3)]
    for client in (silent, slow, steady):
        await client.send(POST + b"Content-Length: 8192\r\n\r\n")

    async def sending(client: Client, size: int) -> tuple[int, bytes]:
        for _ in range(8_192 // size):
            await asyncio.sleep(0.15)
            if client.reader._buffer:  # type: ignore[attr-defined]  # it was answered
                break
            client.writer.write(b"x" * size)
        return await client.answer()

    answers = await asyncio.gather(silent.answer(), sending(slow, 1), sending(steady, 1_024))

    assert [status for status, _ in answers] == [408, 408, 200]
    assert json.loads(answers[0][1])["error"]["code"] == "body_too_slow"


@pytest.mark.parametrize("sent", [b"", b"x" * 50_000], ids=["silent", "sending"])
async def test_a_body_after_its_answer_has_its_time(quick: Uvicorn, connect: Connect, sent: bytes) -> None:
    client = await connect(quick)
    await client.send(b"POST /unread HTTP/1.1\r\n" + HOST + b"Content-Length: 100000\r\n\r\n" + sent)

    assert b" 200 " in await client.rest()


async def test_a_late_body_that_comes_whole_keeps_the_connection(quick: Uvicorn, connect: Connect) -> None:
    client = await connect(quick)
    await client.send(b"POST /unread HTTP/1.1\r\n" + HOST + b"Content-Length: 100000\r\n\r\n")
    await client.answer()
    await client.send(b"x" * 100_000)
    await asyncio.sleep(0.6)
    await client.send(POST + b"\r\n")

    assert (await client.answer())[0] == 200


async def test_all_bodies_together_are_bounded_and_the_one_that_stands_still_gives_way(
    quick: Uvicorn, connect: Connect
) -> None:
    held = await connect(quick)
    await held.send(POST + b"Content-Length: 1000000\r\n\r\n" + b"x" * 340_000)
    bodies = quick.server_state.bodies
    await until(lambda: bodies.held_bytes == 340_000 - QUICK.free_body_bytes, "the whole of it")
    await asyncio.sleep(0.3)  # longer than it may stand still
    fast, small = [await connect(quick) for _ in range(2)]  # a silent connection would not last that long
    await small.send(POST + b"Content-Length: 60000\r\n\r\n" + b"x" * 60_000)
    await fast.send(POST + b"Content-Length: 200000\r\n\r\n" + b"x" * 200_000)

    answers = [await client.answer() for client in (held, small, fast)]

    assert [status for status, _ in answers] == [503, 200, 200]
    assert json.loads(answers[0][1])["error"]["code"] == "bodies_full"
    held.writer.close()
    await asyncio.sleep(0.1)
    assert bodies.held_bytes == 0


async def test_an_answer_that_is_not_read_ends_with_its_connection(quick: Uvicorn, connect: Connect) -> None:
    client = await connect(quick)
    client.reader._transport.pause_reading()  # type: ignore[attr-defined]
    await client.send(POST.replace(b"/", b"/much", 1) + b"\r\n")
    await asyncio.sleep(1.0)
    client.reader._transport.resume_reading()  # type: ignore[attr-defined]

    assert await client.rest() == b"reset" or len(client.reader._buffer) < len(MUCH)  # type: ignore[attr-defined]


async def test_few_requests_wait_for_the_answers_before_them(quick: Uvicorn, connect: Connect) -> None:
    client = await connect(quick)
    client.writer.write((POST + b"\r\n") * 500)

    assert (await client.rest()).count(b"HTTP/1.1 200 ") == quick.server_state.bounds.pipelined + 1


async def test_silent_and_idle_connections_give_way_and_health_is_answered_when_all_are_busy(connect: Connect) -> None:
    # Any descriptor counts as one of the last, so each connection but the first has to make room for itself.
    async with serving(Bounds(), Descriptors(limit=1)) as server:
        silent = await connect(server)
        client = await connect(server)
        await client.send(POST + b"\r\n")
        assert (await client.answer())[0] == 200
        assert await silent.rest() in (b"", b"reset")

        busy = [await connect(server)]  # in the place of the idle one
        assert await client.rest() in (b"", b"reset")
        await busy[0].send(b"POST /slow HTTP/1.1\r\n" + HOST + b"\r\n")
        await asyncio.sleep(0.1)
        refused, probe = await connect(server), None
        await refused.send(POST + b"\r\n")
        assert b"no_descriptors" in await refused.rest()
        probe = await connect(server)
        await probe.send(b"GET /health HTTP/1.1\r\n" + HOST + b"\r\n")
        assert b"HTTP/1.1 200 " in await probe.rest()
        assert (await busy[0].answer())[0] == 200


LINES = st.sampled_from(
    [
        b"GET / HTTP/1.1\r\n",
        b"POST /much HTTP/1.1\r\n",
        b"GET /unread HTTP/1.0\r\n",
        b"get  / HTTP/9.9\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"CONNECT x:1 HTTP/1.1\r\n",
        b"GET http://\xff\x00/ HTTP/1.1\r\n",
        HOST,
        b"Content-Length: 5\r\n",
        b"Content-Length: -1\r\n",
        b"Content-Length: 99999999999999999999\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: gzip, chunked\r\n",
        b"Connection: Upgrade\r\nUpgrade: websocket\r\n",
        b"Expect: 100-continue\r\n",
        b" folded\r\n",
        b": no name\r\n",
        b"\xe4\xb8: \xad\x01\r\n",
        b"\r\n",
        b"hello",
        b"5\r\nhello\r\n",
        b"FFFFFFFFFFFFFFFF\r\n",
        b"-1\r\n",
        b"5;a=b\r\n",
        b"0\r\n\r\n",
        b"\n",
        b"\r",
    ]
)
PIECES = st.lists(st.lists(LINES | st.binary(max_size=12), max_size=9).map(b"".join), max_size=4)


class Sent(asyncio.Transport):
    """A transport that keeps what is sent."""

    def __init__(self, name: socket.socket) -> None:
        super().__init__({"socket": name})
        self.data, self.closed = b"", False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self.closed:  # as uvloop, another event loop, does
            raise RuntimeError("the handler is closed")
        self.data += data

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    abort = write_eof = close

    def can_write_eof(self) -> bool:
        return True

    def pause_reading(self) -> None:
        """Take what comes all the same."""

    resume_reading = pause_reading


def connected(server: Uvicorn) -> tuple[BoundedConnection, Sent]:
    """Return a connection without a client."""
    sent = Sent(server.acceptors[0].listener)
    connection = BoundedConnection(config=server.config, server_state=server.server_state, app_state={})
    connection.connection_made(sent)
    return connection, sent


async def test_who_leaves_many_requests_behind_is_no_error(quick: Uvicorn, caplog: pytest.LogCaptureFixture) -> None:
    connection, sent = connected(quick)
    connection.data_received((POST.replace(b"/", b"/slow", 1) + b"\r\n") * 3)
    await asyncio.sleep(0.1)
    sent.close()
    connection.connection_lost(ConnectionResetError())
    await asyncio.sleep(0.8)

    assert not [record for record in caplog.records if record.exc_info]


async def test_who_leaves_before_a_refusal_is_told_is_no_error(
    quick: Uvicorn, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection, sent = connected(quick)

    def gone() -> None:
        raise OSError(errno.ENOTCONN, "Transport endpoint is not connected")

    monkeypatch.setattr(sent, "write_eof", gone)
    connection.data_received(b"nonsense\r\n\r\n")
    await until(lambda: sent.closed, "the end of the connection")

    assert not [record for record in caplog.records if record.exc_info]
    connection.connection_lost(None)


@settings(max_examples=100)
@given(PIECES)
async def test_no_bytes_make_a_connection_fail(
    quick: Uvicorn, caplog: pytest.LogCaptureFixture, pieces: list[bytes]
) -> None:
    connection, sent = connected(quick)
    for piece in pieces:
        connection.data_received(piece)
        connection.look(asyncio.get_running_loop().time())
        await asyncio.sleep(0)
    connection.eof_received()
    connection.connection_lost(None)
    await asyncio.sleep(0)

    assert not [status for status in re.findall(rb"HTTP/1\.1 (\d+) ", sent.data) if status >= b"500"]
    assert not [record for record in caplog.records if record.exc_info]
    assert connection not in quick.server_state.connections
    assert quick.server_state.bodies.held_bytes == 0


async def test_what_is_refused_waits_for_its_answer_while_others_have_theirs_and_gives_way(
    connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(Bounds(refusal_s=3_600)) as server:
        refused, another = await connect(server), await connect(server)
        await refused.send(b"not HTTP at all\r\n\r\n")
        await until(lambda: "refused what a connection sent with 400" in caplog.text, "the refusal")
        await another.send(b"GET / HTTP/1.1\r\n" + HOST + b"\r\n")
        assert (await another.answer())[0] == 200
        [waiting] = server.server_state.silent
        waiting.give_way()
        assert await refused.rest() in (b"", b"reset")


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET / HT",
        b"GET / HTTP/1.1\r\n" + HOST + b"\r\n",
        b"garbage\r\n\r\n",
        POST + b"Content-Length: 9\r\n\r\nhalf",
    ],
    ids=["nothing", "half a head", "a request", "no HTTP", "half a body"],
)
async def test_an_ended_connection_is_freed_without_a_collection(sent: bytes) -> None:
    """Collections stop all calls, and the more connections wait for one, the longer."""
    async with serving(BOUNDS) as server:  # with its long times, so that the client is the one who ends it
        address = server.acceptors[0].listener.getsockname()
        gc.collect()
        gc.disable()
        try:
            with socket.create_connection(address) as client:
                client.sendall(sent)
                await until(lambda: seen(server), "the connection")
                if sent.endswith(b"\r\n\r\n"):
                    await until(lambda: readable(client), "the answer")
            await until(lambda: not seen(server), "its end")
            await until(lambda: count_of(BoundedConnection, "_SelectorSocketTransport") == 0, "what it had to be freed")
        finally:
            gc.enable()


def seen(server: Uvicorn) -> bool:
    return bool(server.server_state.connections)


def readable(client: socket.socket) -> bool:
    return bool(select.select([client], [], [], 0)[0])


def count_of(*kinds: type | str) -> int:
    return sum(type(one) in kinds or type(one).__qualname__ in kinds for one in gc.get_objects())
