"""MCP over stdio: how soon a session answers, its memory, and what the bridge adds to a call."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import psutil

from app.bridge.protocol import ask, ask_to_leave
from benchmarks.client import HOST, CallFailed, Connection, Era, Session, parsed, run
from benchmarks.figures import median, median_difference, median_ratio, spread
from benchmarks.filling import fill
from benchmarks.progress import Steps
from benchmarks.report import Report, Row, at_most
from benchmarks.servers import STOP_LIMIT_S, app_server, proportional_bytes, temporary_folder
from benchmarks.servers import environment as environment_without_settings
from benchmarks.texts import Texts

RUNNING_MS, STARTED_MS, SHARE, BRIDGE_MB, ADDED_MS = 100, 1_000, 1 / 3, 15, 0.3
_MB = 1_000_000
_TOOL = "memory_health"  # the tool with the least work: what is measured is the way there and back
# The SDK's defaults, as its README shows them. In a string, so that the server loads only what it needs itself.
_ONE_TOOL = """
from mcp.server.mcpserver import MCPServer
server = MCPServer("reference")
@server.tool()
async def noop(text: str) -> dict[str, str]:
    '''Do nothing.'''
    return {"text": text}
server.run()
"""
_INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 0,
    "method": "initialize",
    "params": {"protocolVersion": Era.LEGACY, "capabilities": {}, "clientInfo": {"name": "benchmark", "version": "1"}},
}


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured: spawns of each server in turn, starts of a daemon, sessions at once, rounds of calls."""

    spawns: int = 25
    starts: int = 7
    sessions: int = 20
    rounds: int = 30
    calls: int = 50
    memories: int = 1_000
    settle_s: float = 3.0


FULL, QUICK = Sizes(), Sizes(spawns=5, starts=2, rounds=5, calls=20, memories=200, settle_s=1.0)


class Process:
    """A server over stdio; this process is its client."""

    def __init__(self, command: Sequence[str], folder: Path) -> None:
        self.began = time.perf_counter()
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            env=environment_without_settings(),
        )

    def exchange(self, line: bytes) -> bytes:
        """Send a line and return the next one received. Raises CallFailed."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(line)
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if b'"result"' not in answer:
            raise CallFailed(f"over stdio: {answer[:300]!r}")
        return answer

    def initialize_ms(self) -> float:
        """Initialize; return the milliseconds since the process was made."""
        self.exchange(json.dumps(_INITIALIZE).encode() + b"\n")
        return (time.perf_counter() - self.began) * 1_000

    def end(self) -> None:
        """Close its stdin and wait; idempotent."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        try:
            self.process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


@contextlib.contextmanager
def stdio(data: Path) -> Iterator[Process]:
    """Start a bridge on a data directory."""
    with _ended(Process([sys.executable, "-m", "app", "stdio", "--data-dir", str(data)], data.parent)) as process:
        yield process


@contextlib.contextmanager
def one_tool(folder: Path) -> Iterator[Process]:
    """Start the reference."""
    with _ended(Process([sys.executable, "-c", _ONE_TOOL], folder)) as process:
        yield process


@contextlib.contextmanager
def _ended(process: Process) -> Iterator[Process]:
    try:
        yield process
    finally:
        process.end()


@dataclass(slots=True)
class Times:
    """Milliseconds, for each run."""

    running: list[float] = field(default_factory=list)
    reference: list[float] = field(default_factory=list)
    started: list[float] = field(default_factory=list)
    through_bridge: list[float] = field(default_factory=list)
    over_http: list[float] = field(default_factory=list)


@dataclass(slots=True)
class Held:
    """Bytes (RSS, PSS) of one bridge, and of everything with one and with all sessions."""

    bridge: tuple[int, int]
    one: tuple[int, int]
    all: tuple[int, int]


def measure(sizes: Sizes, steps: Steps) -> Report:
    """Measure the starts, the memory, then the calls."""
    times = Times()
    with temporary_folder() as folder:
        data = folder / "data"
        with app_server(data) as server:
            server.wait_ready()
            run(fill(server.port, Texts(5), sizes.memories, steps))
            _calls(server.port, data, sizes, times, steps)
        try:
            _starts(data, folder, sizes, times, steps)
            held = _held(data, sizes, steps)
        finally:
            _end_daemon(data)
    return report(sizes, times, held)


def _calls(port: int, data: Path, sizes: Sizes, times: Times, steps: Steps) -> None:
    """Call the same server in turn through a bridge and over HTTP."""
    session = Session(cast(Connection, None), port, Era.MODERN)  # it only writes the requests
    with stdio(data) as bridge, socket.create_connection((HOST, port)) as http:
        http.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def through_bridge(request: bytes) -> None:
            bridge.exchange(request.partition(b"\r\n\r\n")[2] + b"\n")

        def over_http(request: bytes) -> None:
            http.sendall(request)
            received = bytearray()
            while (answer := parsed(received)) is None:
                received += http.recv(65_536)
            answer.result()

        for _ in steps.over(range(sizes.rounds), "calls through a bridge and over HTTP"):
            for call, found in ((through_bridge, times.through_bridge), (over_http, times.over_http)):
                took = []
                for _ in range(sizes.calls):
                    request = session.request(_TOOL, {})
                    began = time.perf_counter()
                    call(request)
                    took.append((time.perf_counter() - began) * 1_000)
                found.append(median(took))


def _starts(data: Path, folder: Path, sizes: Sizes, times: Times, steps: Steps) -> None:
    for _ in steps.over(range(sizes.starts), "first session, no daemon"):
        _end_daemon(data)
        with stdio(data) as bridge:
            times.started.append(bridge.initialize_ms())
            _call(bridge, Era.LEGACY)  # the daemon is up before it is asked to leave again
    with one_tool(folder) as reference:  # so that both have been imported before
        reference.initialize_ms()
    for _ in steps.over(range(sizes.spawns), "sessions"):
        with stdio(data) as bridge:
            times.running.append(bridge.initialize_ms())
        with one_tool(folder) as reference:
            times.reference.append(reference.initialize_ms())


def _held(data: Path, sizes: Sizes, steps: Steps) -> Held:
    with contextlib.ExitStack() as stack:
        bridges = [stack.enter_context(stdio(data))]
        for _ in range(100):
            _call(bridges[0])
        status = ask(os.fspath(data), "status")
        assert status is not None
        daemon = psutil.Process(status["pid"])

        def everything() -> tuple[int, int]:
            time.sleep(sizes.settle_s)
            processes = [daemon, *daemon.children(recursive=True)]
            return _bytes([process.pid for process in processes] + [one.process.pid for one in bridges])

        one = everything()
        of_bridge = _bytes([bridges[0].process.pid])
        for _ in steps.over(range(sizes.sessions - 1), "sessions at once"):
            bridges.append(stack.enter_context(stdio(data)))
            _call(bridges[-1])
        return Held(of_bridge, one, everything())


def _bytes(pids: Sequence[int]) -> tuple[int, int]:
    return (
        sum(psutil.Process(pid).memory_info().rss for pid in pids),
        sum(proportional_bytes(pid) or 0 for pid in pids),
    )


def _call(bridge: Process, era: Era = Era.MODERN) -> None:
    request = Session(cast(Connection, None), 0, era).request("memory_stats", {})
    bridge.exchange(request.partition(b"\r\n\r\n")[2] + b"\n")


def _end_daemon(data: Path) -> None:
    ask_to_leave(os.fspath(data))  # returns when its process has ended


def report(sizes: Sizes, times: Times, held: Held) -> Report:
    """Compare the figures with the goals."""
    found = Report(
        name="stdio",
        title="Sessions over stdio",
        how=f"A session is `claude-memory stdio` with a daemon on a data directory of {sizes.memories:,} memories; the "
        "reference is a one-tool server over stdio on the same SDK. Milliseconds from making the process to the "
        f"answer of initialize, {sizes.spawns} of each in turn; {sizes.sessions} sessions at once, all of which have "
        f"called a tool; {sizes.rounds} rounds of {sizes.calls} calls of {_TOOL} in turn through a bridge and over "
        "HTTP to the same `serve`.",
    )

    def against(times: list[float], beside: list[float]) -> dict[str, Any]:
        return {"reference": median(beside), "runs": spread(times)}

    more = [(every - one) / _MB for every, one in zip(held.all, held.one, strict=True)]
    ratio = median_ratio(times.running, times.reference)
    added = median_difference(times.through_bridge, times.over_http)
    found.rows = [
        at_most(
            "initialize answered, daemon running",
            median(times.running),
            "ms",
            RUNNING_MS,
            **against(times.running, times.reference),
            against=median_difference(times.running, times.reference),
        ),
        Row(
            what="… as a share of the one-tool server's",
            figure=median(times.running),
            unit="ms",
            goal="≤ 1/3 × reference",
            met=ratio <= SHARE,
            reference=median(times.reference),
            against=ratio,
            is_ratio=True,
        ),
        at_most(
            "initialize answered, no daemon yet", median(times.started), "ms", STARTED_MS, runs=spread(times.started)
        ),
        at_most("memory of one bridge, RSS", held.bridge[0] / _MB, "MB", BRIDGE_MB),
        at_most("… PSS", held.bridge[1] / _MB, "MB", BRIDGE_MB),
        at_most(f"{sizes.sessions} sessions instead of one, RSS", more[0], "MB", sizes.sessions * BRIDGE_MB),
        at_most("… PSS", more[1], "MB", sizes.sessions * BRIDGE_MB),
        at_most(
            "the bridge adds to a call",
            added,
            "ms",
            ADDED_MS,
            runs=spread([a - b for a, b in zip(times.through_bridge, times.over_http, strict=True)]),
        ),
        Row(what="for comparison: a call through the bridge", figure=median(times.through_bridge), unit="ms"),
        Row(what="for comparison: a call over HTTP", figure=median(times.over_http), unit="ms"),
    ]
    return found
