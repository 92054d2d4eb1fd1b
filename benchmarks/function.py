"""A function's cold start from its unpacked bundle: until its port is open, /health answers and /sse begins."""

from __future__ import annotations

import os
import secrets
import socket
import sys
import time
import zipfile
from dataclasses import dataclass, field

import psutil

from benchmarks.client import HOST
from benchmarks.figures import median, spread
from benchmarks.progress import Steps
from benchmarks.report import Report, Row, at_most
from benchmarks.servers import REPOSITORY, Running, function_server, temporary_folder
from infra.aliyun.bundle.build import Bundle, BundleOptions, build
from infra.aliyun.bundle.errors import BundleError, PythonMissing
from infra.aliyun.bundle.interpreters import Interpreter, find_python
from tests.support.postgres_server import binaries, postgres_server

PORT_MS, HEALTH_MS, SSE_MS, ZIPPED_MB, CODE_MB = 50, 200, 1_500, 60, 1
_ANSWER_LIMIT_S = 60
_BYTES_PER_MB = 1_000_000


@dataclass(frozen=True, slots=True)
class Sizes:
    """How often it is started."""

    rounds: int = 15


FULL, QUICK = Sizes(), Sizes(rounds=3)


@dataclass(slots=True)
class Times:
    """Milliseconds since the process was made, for each start. cpu: of processor time, until the first SSE event."""

    port: list[float] = field(default_factory=list)
    health: list[float] = field(default_factory=list)
    sse: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    ready: list[float] = field(default_factory=list)


def measure(sizes: Sizes, steps: Steps) -> Report:
    """Build the bundle of this checkout, unpack it, and start it many times on one CPU."""
    if (why_not := _why_not()) is not None:
        return report(sizes, None, Times(), "", why_not)
    python = _python()
    try:
        bundle = build(REPOSITORY, BundleOptions(_minor(python)), print)
        alone = build(REPOSITORY, BundleOptions(_minor(python), "layer"), print).code.bytes
    except BundleError as error:
        return report(sizes, None, Times(), "", str(error))
    times, token = Times(), f"cm_{secrets.token_urlsafe(32)}"
    with temporary_folder() as folder, postgres_server() as database:
        folder.chmod(0o755)
        code = folder / "code"
        with zipfile.ZipFile(REPOSITORY / bundle.code.path) as packed:
            packed.extractall(code)
        given = {"DATABASE_URL": database.url(), "AUTH": "required", "ADMIN_TOKEN": token, "HOST": "0.0.0.0"}
        cpu = min(os.sched_getaffinity(0))
        for number in steps.over(range(-1, sizes.rounds), "cold starts"):  # the first prepares the database
            data = folder / str(number) / "data"
            data.parent.mkdir()
            with function_server(python.path, code, data, cpu, **given) as server:
                timed(server, token, Times() if number < 0 else times)
    return report(sizes, (bundle, alone), times, python.version)


def timed(server: Running, token: str, times: Times) -> None:
    """Take a start's times. Both requests are sent the moment the port accepts a connection."""
    times.port.append(server.wait_open() * 1_000)
    with _asked(server, "/health", "") as health, _asked(server, "/sse", f"Authorization: Bearer {token}\r\n") as sse:
        times.health.append(_received_ms(server, health, b"HTTP/1.1 200"))
        times.sse.append(_received_ms(server, sse, b"event: endpoint"))
        used = psutil.Process(server.process.pid).cpu_times()
        times.cpu.append((used.user + used.system) * 1_000)
    times.ready.append(server.wait_ready() * 1_000)


def _asked(server: Running, path: str, headers: str) -> socket.socket:
    connection = socket.create_connection((HOST, server.port), timeout=_ANSWER_LIMIT_S)
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {HOST}:{server.port}\r\n{headers}\r\n".encode())
    return connection


def _received_ms(server: Running, connection: socket.socket, wanted: bytes) -> float:
    received = b""
    while wanted not in received:
        data = connection.recv(65_536)
        if not data:
            raise ConnectionError(f"closed before {wanted!r}: {received!r}")
        received += data
    return (time.perf_counter() - server.began) * 1_000


def _why_not() -> str | None:
    if not hasattr(os, "sched_setaffinity"):
        return "a bundle runs on Linux"
    if binaries() is None:
        return "no PostgreSQL server is installed; apt-get install postgresql-15"
    return None


def _python() -> Interpreter:
    """Return a Python of the function's default version if there is one, or this one."""
    try:
        return find_python(BundleOptions().python)
    except PythonMissing:
        return find_python(f"{sys.version_info.major}.{sys.version_info.minor}")


def _minor(python: Interpreter) -> str:
    return python.version.rpartition(".")[0]


def report(
    sizes: Sizes, built: tuple[Bundle, int] | None, times: Times, version: str, skipped: str | None = None
) -> Report:
    """Return the figures. built: the bundle, and the bytes of its code without the dependencies."""
    found = Report(
        name="function",
        title="A function's cold start",
        how=f"Milliseconds since the process was made: `python mcp_server.py` in the unpacked bundle on one CPU, with "
        f"Python {version}, an empty data directory and Debian's PostgreSQL beside it; {sizes.rounds} starts. "
        "The port is tried every millisecond; GET /health and GET /sse are sent together the moment it accepts.",
        skipped=skipped,
    )
    if built is None:
        return found
    bundle, code_bytes = built

    def limit(what: str, values: list[float], goal_ms: float) -> Row:
        return at_most(what, median(values), "ms", goal_ms, runs=spread(values))

    found.rows = [
        limit("port takes connections", times.port, PORT_MS),
        limit("/health answers", times.health, HEALTH_MS),
        limit("first SSE event", times.sse, SSE_MS),
        Row(what="… CPU time until then", figure=median(times.cpu), unit="ms", runs=spread(times.cpu)),
        Row(what="all ready, index included", figure=median(times.ready), unit="ms", runs=spread(times.ready)),
        at_most("bundle, zipped", bundle.code.bytes / _BYTES_PER_MB, "MB", ZIPPED_MB),
        at_most("code alone, with the dependencies as a layer", code_bytes / _BYTES_PER_MB, "MB", CODE_MB),
        Row(what="bundle, unpacked", figure=bundle.code.unpacked_bytes / _BYTES_PER_MB, unit="MB"),
    ]
    return found
