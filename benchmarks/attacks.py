"""What hostile connections do, a function for each kind: one life of one connection, which the server may end early."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import random
import secrets
import socket
import struct
import unicodedata
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from functools import cache

from benchmarks.client import HOST, authorization

FLOOD_PAUSE_S = 0.02  # between two requests of a flood, for each of its connections
SLOW_S = 1.0  # between two bytes of what is slow
STREAMS = 8  # that one life opens and does not read
_BLOCK = 64 * 2**10
_TYPES = "Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n"

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(frozen=True, slots=True)
class Target:
    """Whom to attack, from which address, with whose token."""

    port: int
    address: str
    token: str

    @property
    def host(self) -> str:
        """The header Host, with its line's end."""
        return f"Host: {HOST}:{self.port}\r\n"

    @contextlib.asynccontextmanager
    async def connect(self, receive_buffer: int = 0) -> AsyncIterator[Streams]:
        """Open a connection. receive_buffer: bytes that the system takes of an answer that no one reads."""
        with socket.socket() as made:
            if receive_buffer:
                made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            made.setblocking(False)
            made.bind((self.address, 0))
            await asyncio.get_running_loop().sock_connect(made, (HOST, self.port))
            reader, writer = await asyncio.open_connection(sock=made)
            try:
                yield reader, writer
            finally:
                writer.transport.abort()

    def post(self, body: bytes, *, token: str | None = None, length: int | None = None) -> bytes:
        """Return a request to /mcp. token: empty for none; length: what it says its body has."""
        head = f"POST /mcp HTTP/1.1\r\n{self.host}{_TYPES}{authorization(self.token if token is None else token)}"
        return f"{head}Content-Length: {len(body) if length is None else length}\r\n\r\n".encode() + body

    def call(self, tool: str, arguments: dict[str, object]) -> bytes:
        """Return a call of a tool, with the token."""
        params = {"name": tool, "arguments": arguments}
        return self.post(json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).encode())


async def endless_header(target: Target) -> None:
    await _without_end(target, f"GET /health HTTP/1.1\r\n{target.host}X: ".encode(), b"a" * _BLOCK)


async def endless_headers(target: Target) -> None:
    await _without_end(target, f"GET /health HTTP/1.1\r\n{target.host}".encode(), b"x: y\r\n" * (_BLOCK // 6))


async def endless_chunks(target: Target) -> None:
    head = f"POST /mcp HTTP/1.1\r\n{target.host}{_TYPES}{authorization(target.token)}Transfer-Encoding: chunked\r\n\r\n"
    await _without_end(target, head.encode(), b"1;" + b"e" * 40 + b"\r\na\r\n")


async def half_open(target: Target) -> None:
    async with target.connect() as (reader, writer):
        writer.write(f"GET /health HTTP/1.1\r\n{target.host}X-A: ".encode())
        await reader.read()


async def silent(target: Target) -> None:
    async with target.connect() as (reader, _):
        await reader.read()


async def slow_head(target: Target) -> None:
    await _slowly(target, b"")


async def slow_body(target: Target) -> None:
    await _slowly(target, target.post(b"", length=10_000))


async def stalled_bodies(target: Target) -> None:
    async with target.connect() as (reader, writer):
        writer.write(target.post(b" " * 2**22, length=2**23))
        await reader.read()


async def unread_stream(target: Target) -> None:
    async with target.connect(4_096) as (reader, hearing), target.connect() as (answers, posting):
        hearing.write(f"GET /sse HTTP/1.1\r\n{target.host}{authorization(target.token)}\r\n".encode())
        path = (await reader.readuntil(b"session_id=")).rpartition(b"data: ")[2] + await reader.readexactly(32)
        hearing.transport.pause_reading()  # type: ignore[attr-defined]  # a transport of a socket can
        call = target.call("search_memory", {"query": "what", "limit": 100}).replace(b"/mcp", path, 1)
        await _flood(answers, posting, call)


async def unread_streams(target: Target) -> None:
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(STREAMS):
            _, writer = await stack.enter_async_context(target.connect(4_096))
            writer.write(f"GET /sse HTTP/1.1\r\n{target.host}{authorization(target.token)}\r\n".encode())
        await asyncio.sleep(20)


async def unread_answers(target: Target) -> None:
    async with target.connect(4_096) as (_, writer):
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        for _ in range(200):
            writer.write(target.call("search_memory", {"query": "what", "limit": 100}))
            await writer.drain()
            await asyncio.sleep(FLOOD_PAUSE_S)
        await asyncio.sleep(45)


async def pipelined(target: Target) -> None:
    await _sent(target, f"GET /health HTTP/1.1\r\n{target.host}\r\n".encode() * 5_000)


async def garbage(target: Target) -> None:
    await _sent(target, random.randbytes(random.randrange(1, 20_000)))


async def tls_hello(target: Target) -> None:
    await _sent(target, bytes.fromhex("16030100f5010000f10303") + random.randbytes(200))


async def odd_requests(target: Target) -> None:
    odd = (
        "GET /health HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        f"GET /status HTTP/1.1\r\n{target.host}Origin: https://evil.example\r\n\r\n",
        f"POST /mcp HTTP/1.1\r\n{target.host}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        f"POST /mcp HTTP/1.1\r\n{target.host}Content-Length: {'9' * 60}\r\n\r\n",
        f"GET /%00%ff/../../etc/passwd HTTP/1.1\r\n{target.host}\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        f"GET /health HTTP/1.1\r\n{target.host}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    )
    await _sent(target, random.choice(odd).encode())


async def reset(target: Target) -> None:
    async with target.connect() as (_, writer):
        linger = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.write(target.call("search_memory", {"query": "what"})[: random.randrange(400)])
        await writer.drain()


async def deep_json(target: Target) -> None:
    body = random.choice((b"[", b'{"a":', b'[{"a":')) * random.choice((1_000, 100_000, 2_000_000))
    await _answered(target, target.post(body))


async def odd_json(target: Target) -> None:
    odd = (
        b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"memorize","arguments":{"text":"\\ud800"}}}',
        b'{"jsonrpc":"2.0","id":' + b"9" * 100_000 + b',"method":"ping"}',
        b"[" + b'{"jsonrpc":"2.0","id":1,"method":"tools/list"},' * 31 + b"{}]",
        b'{"a":1,' * 50_000,
        b"\xff\xfe\x00{",
        b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":' + b"[" * 500 + b"]" * 500 + b"}}",
    )
    await _answered(target, target.post(random.choice(odd)))


async def costly_text(target: Target) -> None:
    await _answered(target, target.call("memorize", {"text": random.choice(_costly_texts()) + secrets.token_hex(8)}))


async def costly_conversation(target: Target) -> None:
    name = "glpat xoxb ghp_ AKIA :// @ secret " + "Zb3" * 50
    messages = [
        {
            "role": f"{secrets.token_hex(4)} {name}"[:199],
            "name": name[:199],
            "id": f"{i:06}{name}"[:199],
            "content": "x",
        }
        for i in range(random.choice((200, 5_000)))
    ]
    await _answered(target, target.call("memorize_conversation", {"messages": messages}))


async def costly_question(target: Target) -> None:
    tool = random.choice(("search_memory", "recall_context", "search_across_projects"))
    question = " ".join(secrets.token_hex(2) for _ in range(790))
    await _answered(target, target.call(tool, {"query": random.choice((question, _marks()[:4_000]))}))


async def brute_force(target: Target) -> None:
    async with target.connect() as streams:
        while True:
            token = "cm_" + secrets.token_urlsafe(32)
            await _flood(*streams, target.post(b'{"jsonrpc":"2.0","id":1,"method":"ping"}', token=token), times=1)


async def flood(target: Target) -> None:
    async with target.connect() as streams:
        await _flood(*streams, f"GET /health HTTP/1.1\r\n{target.host}\r\n".encode())


async def flood_of_calls(target: Target) -> None:
    async with target.connect() as streams:
        await _flood(*streams, target.call("search_memory", {"query": "what was it"}))


async def flood_of_connections(target: Target) -> None:
    async with asyncio.timeout(20):
        while True:
            async with target.connect():
                await asyncio.sleep(FLOOD_PAUSE_S)


KINDS: tuple[Callable[[Target], Awaitable[None]], ...] = (
    endless_header,
    endless_headers,
    endless_chunks,
    half_open,
    silent,
    slow_head,
    slow_body,
    stalled_bodies,
    unread_stream,
    unread_streams,
    unread_answers,
    pipelined,
    garbage,
    tls_hello,
    odd_requests,
    reset,
    deep_json,
    odd_json,
    costly_text,
    costly_conversation,
    costly_question,
    brute_force,
    flood,
    flood_of_calls,
    flood_of_connections,
)


async def _without_end(target: Target, head: bytes, more: bytes) -> None:
    async with target.connect() as (_, writer):
        writer.write(head)
        while not writer.is_closing():
            writer.write(more)
            await writer.drain()
            await asyncio.sleep(FLOOD_PAUSE_S)


async def _slowly(target: Target, head: bytes) -> None:
    async with target.connect() as (reader, writer):
        writer.write(head)
        while not reader.at_eof() and not writer.is_closing():
            writer.write(b"G")
            await writer.drain()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(reader.read(_BLOCK), SLOW_S)


async def _sent(target: Target, data: bytes) -> None:
    async with target.connect() as (reader, writer):
        writer.write(data)
        while await reader.read(_BLOCK):
            pass


async def _answered(target: Target, request: bytes) -> None:
    async with target.connect() as (reader, writer):
        writer.write(request)
        await reader.read(_BLOCK)


async def _flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes, times: int = 500) -> None:
    for _ in itertools.repeat(None, times):
        writer.write(request)
        await writer.drain()
        if not await reader.read(_BLOCK):
            return
        await asyncio.sleep(FLOOD_PAUSE_S)


@cache
def _marks() -> str:
    """Return combining marks in falling order, the worst that a text can be to normalise."""
    marks = {unicodedata.combining(chr(code)): chr(code) for code in range(0x300, 0x1E900)}
    return "".join(marks[order] * 140 for order in sorted(marks, reverse=True) if order)


@cache
def _costly_texts() -> tuple[str, ...]:
    size = 900_000
    return (
        ("a" + _marks())[:49_000],
        (("a" + _marks()[:7_998]) * 200)[:size],
        "glpat xoxb ghp_ AKIA :// @ secret password= " * (size // 45),
        "a:" * (size // 2),
        "\u0130\u1e9e\ufb03\u3400" * (size // 4),
        "x" * size,
        "\n" * 1_000 + "e",
        "eyJ" + "A" * (size // 10),
        " ".join(f"w{number}" for number in range(size // 8)),
    )
