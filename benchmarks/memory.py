"""Memory: of all processes, PostgreSQL's too, when idle, with many memories, and with many open SSE sessions."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass

from benchmarks.client import HOST, TIMEOUT_S, CallFailed, Era, Session, authorization, run
from benchmarks.figures import median, spread
from benchmarks.filling import fill
from benchmarks.progress import Steps
from benchmarks.report import Report, Row, at_most
from benchmarks.servers import Running, app_server, reference_server, resident_bytes, temporary_folder
from benchmarks.texts import Texts

IDLE_MB, STORED_MB, RESTARTED_MB, SESSIONS_MB = 190, 400, 330, 700
_MB = 1_000_000
_SEARCHES = 200


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured. settle_s: how long the server is idle before its memory is read."""

    memories: int = 100_000
    sessions: int = 200
    starts: int = 3
    settle_s: float = 5.0


FULL, QUICK = Sizes(), Sizes(memories=5_000, starts=1, settle_s=2.0)


@dataclass(frozen=True, slots=True)
class Held:
    """Megabytes of all processes of a server."""

    rss: float
    pss: float | None
    processes: int

    @classmethod
    def by(cls, server: Running) -> Held:
        """Read a server's memory now."""
        rss, pss = resident_bytes(server)
        return cls(rss / _MB, None if pss is None else pss / _MB, len(server.tree()))


def measure(sizes: Sizes, steps: Steps) -> Report:
    """Read a server's memory in each state."""
    report = Report(
        name="memory",
        title="Memory",
        how=f"Megabytes (10⁶ bytes) of the server's process and all its children, {sizes.settle_s:g} s after the last "
        "request. The goals are for RSS, which counts a page that several processes share in each of them, such as "
        "PostgreSQL's buffers; PSS counts it once.",
    )
    with temporary_folder() as folder:
        with reference_server(folder) as reference:
            reference.wait_open()
            time.sleep(sizes.settle_s)
            one_tool = Held.by(reference)
        idle = []
        for _ in steps.over(range(sizes.starts), "idle"):
            with app_server(folder / "data") as server:
                server.wait_ready()
                time.sleep(sizes.settle_s)
                idle.append(Held.by(server))
        report.rows += _rows("idle after the start", idle, IDLE_MB, one_tool)
        with app_server(folder / "data") as server:
            server.wait_ready()
            texts = Texts(3)
            run(fill(server.port, texts, sizes.memories, steps))
            time.sleep(sizes.settle_s)
            report.rows += _rows(f"{sizes.memories:,} memories just stored", [Held.by(server)], STORED_MB)
        with app_server(folder / "data") as server:
            server.wait_ready()
            run(_search(server, texts))
            time.sleep(sizes.settle_s)
            after = [Held.by(server)]
            report.rows += _rows(
                f"{sizes.memories:,} memories, started again, {_SEARCHES} searches", after, RESTARTED_MB
            )
            name = f"{sizes.sessions} SSE sessions open, each answered a search, {sizes.memories:,} memories"
            report.rows += _rows(name, [run(with_sessions(server, sizes, texts, steps))], SESSIONS_MB)
        with app_server(folder / "empty") as server:
            server.wait_ready()
            name = f"{sizes.sessions} SSE sessions open, each answered a search, no memories"
            report.rows += _rows(name, [run(with_sessions(server, sizes, texts, steps))], SESSIONS_MB)
    report.rows.append(Row(what="for comparison: the one-tool server, idle, RSS", figure=one_tool.rss, unit="MB"))
    return report


def _rows(what: str, looks: list[Held], limit: float, one_tool: Held | None = None) -> list[Row]:
    rss = [held.rss for held in looks]
    rows = [
        at_most(
            f"{what}, RSS of {looks[-1].processes} processes",
            median(rss),
            "MB",
            limit,
            runs=spread(rss) if len(rss) > 1 else None,
            reference=one_tool.rss if one_tool else None,
            against=median(rss) - one_tool.rss if one_tool else None,
        )
    ]
    pss = [held.pss for held in looks if held.pss is not None]
    if pss:
        rows.append(Row(what="… PSS", figure=median(pss), unit="MB"))
    return rows


async def _search(server: Running, texts: Texts) -> None:
    session = await Session.open(server.port, Era.LEGACY)
    for _ in range(_SEARCHES):
        await session.call("search_memory", {"query": texts.question()})
    session.close()


async def with_sessions(server: Running, sizes: Sizes, texts: Texts, steps: Steps) -> Held:
    """Open SSE sessions, call a tool in each while all are open, and read the server's memory. Raises CallFailed."""
    async with AsyncExitStack() as stack, asyncio.timeout(TIMEOUT_S + sizes.sessions):
        sessions = []
        for _ in steps.over(range(sizes.sessions), "opening SSE sessions"):
            session = await SseSession.open(server.port)
            stack.callback(session.close)
            sessions.append(session)
        await asyncio.gather(*(session.call("search_memory", {"query": texts.question()}) for session in sessions))
        await asyncio.sleep(sizes.settle_s)
        held = Held.by(server)
        await asyncio.gather(*(session.call("search_memory", {"query": texts.question()}) for session in sessions))
        return held


class SseSession:
    """One MCP session over SSE: the stream it hears on, the connection it posts on."""

    def __init__(self, port: int, token: str = "") -> None:
        self._port, self._authorization = port, authorization(token)
        self._ids = 0
        self._path = ""
        self._streams: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    @classmethod
    async def open(cls, port: int, token: str = "") -> SseSession:
        """Open the stream and shake hands."""
        session = cls(port, token)
        try:
            hearing = await session._connect()
            request = f"GET /sse HTTP/1.1\r\nHost: {HOST}:{port}\r\nAccept: text/event-stream\r\n"
            request += f"{session._authorization}\r\n"
            hearing[1].write(request.encode())
            session._path = (await session._hear())[1]
            await session._connect()
            about = {"name": "benchmark", "version": "1"}
            params: dict[str, object] = {"protocolVersion": Era.LEGACY, "capabilities": {}, "clientInfo": about}
            await session._ask("initialize", params)
            await session._post({"method": "notifications/initialized"})
        except BaseException:
            session.close()
            raise
        return session

    async def call(self, tool: str, arguments: dict[str, object]) -> None:
        """Call a tool. Raises CallFailed when the answer is an error."""
        answer = await self._ask("tools/call", {"name": tool, "arguments": arguments})
        result = answer.get("result")
        if not isinstance(result, dict) or result.get("isError"):
            raise CallFailed(f"over SSE: {json.dumps(answer)[:300]}")

    def close(self) -> None:
        """Close both connections; idempotent."""
        for _, writer in self._streams:
            writer.close()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        connection = await asyncio.open_connection(HOST, self._port, limit=2**20)
        self._streams.append(connection)
        return connection

    async def _ask(self, method: str, params: dict[str, object]) -> dict[str, object]:
        self._ids += 1
        await self._post({"id": self._ids, "method": method, "params": params})
        while True:
            kind, data = await self._hear()
            message = json.loads(data) if kind == "message" else {}
            if message.get("id") == self._ids:
                return dict(message)

    async def _post(self, message: dict[str, object]) -> None:
        reader, writer = self._streams[1]
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        head = f"POST {self._path} HTTP/1.1\r\nHost: {HOST}:{self._port}\r\nContent-Type: application/json\r\n"
        head += self._authorization
        writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        answer = await reader.readuntil(b"\r\n\r\n")
        if b" 202 " not in answer.split(b"\r\n", 1)[0]:
            raise CallFailed(f"over SSE: {answer[:200]!r}")
        length = int(answer.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        await reader.readexactly(length)

    async def _hear(self) -> tuple[str, str]:
        """Return the next event: (its kind, its data). The lengths of chunks stand between the lines."""
        reader = self._streams[0][0]
        kind = data = ""
        while True:
            line = (await reader.readline()).decode().rstrip("\r\n")
            if line.startswith("event:"):
                kind = line[6:].strip()
            elif line.startswith("data:"):
                data += line[5:].strip()
            elif not line and data:
                return kind, data
            elif not line and reader.at_eof():
                raise CallFailed("the SSE stream ended")


if sys.platform != "win32":
    import resource

    # 200 sessions are 400 sockets here; where the limit is lower than that, it is raised as far as it goes.
    _soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(_soft, 4_096), _hard), _hard))
