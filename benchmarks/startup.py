"""Start-up: milliseconds until the port accepts, /health answers, MCP answers and everything is ready."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.client import HOST, initialize_request, parsed, run
from benchmarks.figures import median, median_difference, spread
from benchmarks.filling import fill
from benchmarks.progress import Steps
from benchmarks.report import Report, Row, at_most, within
from benchmarks.servers import REPOSITORY, Running, app_server, reference_server, temporary_folder
from benchmarks.texts import Texts

PORT_MS, HEALTH_MS, READY_MS, FIRST_READY_MS, DEV_MS = 25, 110, 1_200, 2_500, 300
_ANSWER_LIMIT_S = 60


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured. memories: in the data directory of a second start."""

    rounds: int = 15
    first_rounds: int = 5
    dev_rounds: int = 7
    memories: int = 1_000


FULL, QUICK = Sizes(), Sizes(rounds=3, first_rounds=2, dev_rounds=2)


@dataclass(slots=True)
class Times:
    """Milliseconds since the process was made, for each run."""

    port: list[float] = field(default_factory=list)
    health: list[float] = field(default_factory=list)
    initialize: list[float] = field(default_factory=list)
    ready: list[float] = field(default_factory=list)


def measure(sizes: Sizes, steps: Steps) -> Report:
    """Start our server and the reference in turn, many times."""
    warm, first, reference = Times(), Times(), Times()
    dev_port, plain_port, bare = [], [], []
    with temporary_folder() as folder:
        data = folder / "data"
        with app_server(data) as server:
            server.wait_ready()
            run(fill(server.port, Texts(1), sizes.memories, steps))
        with reference_server(folder) as server:  # so that both have been loaded from disk before
            server.wait_open()
        for _ in steps.over(range(sizes.rounds), "second starts"):
            timed(app_server(data), warm, ours=True)
            timed(reference_server(folder), reference, ours=False)
            bare.append(_bare_python_ms())
        for number in steps.over(range(sizes.first_rounds), "first starts"):
            timed(app_server(folder / f"first-{number}" / "data"), first, ours=True, make=folder / f"first-{number}")
        if sizes.dev_rounds:  # what it sets up for the first time is not what a second run adds
            subprocess.run([REPOSITORY / "dev", "serve", "--help"], check=True, stdout=subprocess.DEVNULL)
        for _ in steps.over(range(sizes.dev_rounds), "./dev serve"):
            dev_port.append(_port_ms(lambda: app_server(data, dev=True)))
            plain_port.append(_port_ms(lambda: app_server(data)))
    return report(sizes, warm, first, reference, (dev_port, plain_port), bare)


def timed(start: AbstractContextManager[Running], times: Times, *, ours: bool, make: Path | None = None) -> None:
    """Start a server and take its times. Both requests are sent the moment the port accepts a connection."""
    if make is not None:
        make.mkdir()
    with start as server:
        times.port.append(server.wait_open() * 1_000)
        if ours:
            get_health = f"GET /health HTTP/1.1\r\nHost: {HOST}:{server.port}\r\n\r\n".encode()
            with _sent(server, get_health) as health, _sent(server, initialize_request(server.port)) as initialize:
                times.health.append(_answered_ms(server, health))
                times.initialize.append(_answered_ms(server, initialize))
            times.ready.append(server.wait_ready() * 1_000)
        else:
            with _sent(server, initialize_request(server.port)) as initialize:
                times.initialize.append(_answered_ms(server, initialize))


def _sent(server: Running, request: bytes) -> socket.socket:
    connection = socket.create_connection((HOST, server.port), timeout=_ANSWER_LIMIT_S)
    connection.sendall(request)
    return connection


def _answered_ms(server: Running, connection: socket.socket) -> float:
    received = bytearray()
    while (answer := parsed(received)) is None:
        data = connection.recv(65_536)
        if not data:
            raise ConnectionError(f"closed before the answer: {bytes(received)!r}")
        received += data
    took_ms = (time.perf_counter() - server.began) * 1_000
    if answer.status != 200:
        raise ConnectionError(f"HTTP {answer.status}: {answer.body[:200]!r}")
    return took_ms


def _port_ms(start: Callable[[], AbstractContextManager[Running]]) -> float:
    with start() as server:
        port = server.wait_open() * 1_000
        server.wait_ready()
    return port


def _bare_python_ms() -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", "pass"], check=True)
    return (time.perf_counter() - began) * 1_000


def report(
    sizes: Sizes,
    warm: Times,
    first: Times,
    reference: Times,
    dev_and_plain: tuple[list[float], list[float]],
    bare: list[float],
) -> Report:
    found = Report(
        name="startup",
        title="Start-up",
        how=f"Milliseconds since the process was made; second starts on a data directory of {sizes.memories:,} "
        f"memories ({sizes.rounds} of each server in turn), first starts on a fresh one ({sizes.first_rounds}). "
        "The port is tried every millisecond; GET /health and initialize are sent together the moment it accepts, so "
        "initialize waits in the server until it can be answered; then /ready is asked until it answers 200.",
    )

    def limit(what: str, times: list[float], goal_ms: float, beside: list[float] | None = None) -> Row:
        return at_most(
            what,
            median(times),
            "ms",
            goal_ms,
            runs=spread(times),
            reference=median(beside) if beside else None,
            against=median_difference(times, beside) if beside else None,
        )

    def plain(what: str, times: list[float]) -> Row:
        return Row(what=what, figure=median(times), unit="ms", runs=spread(times))

    found.rows = [
        limit("port takes connections", warm.port, PORT_MS, reference.port),
        limit("/health answers", warm.health, HEALTH_MS),
        within(
            "MCP initialize answered",
            median(warm.initialize),
            "ms",
            median(reference.initialize),
            median_difference(warm.initialize, reference.initialize),
            0,
            runs=spread(warm.initialize),
        ),
        limit("all ready, PostgreSQL and index included", warm.ready, READY_MS),
        limit("all ready, first start ever", first.ready, FIRST_READY_MS),
        plain("… its port", first.port),
        plain("… its initialize", first.initialize),
    ]
    dev, without = dev_and_plain
    if dev:
        extra = [a - b for a, b in zip(dev, without, strict=True)]
        found.rows.append(
            at_most("`./dev serve` takes longer than Python itself by", median(extra), "ms", DEV_MS, runs=spread(extra))
        )
    found.rows.append(plain("for comparison: `python -c pass`, start to end", bare))
    return found
