"""Starts the servers to measure on free loopback ports, with data in a temporary folder, and always ends them."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import psutil

from benchmarks.client import HOST

REPOSITORY = Path(__file__).resolve().parent.parent
START_LIMIT_S = 60.0
STOP_LIMIT_S = 15.0
_POLL_S = 0.001
# Below the ports that the kernel gives to clients: connecting to a free one of those can connect to itself.
_PORTS = range(20_000, 30_000)


class NotStarted(Exception):
    """A server ended, or did not answer in time."""


@dataclass(slots=True)
class Running:
    """A server that was started.

    began: time.perf_counter() just before the process was made.
    """

    process: subprocess.Popen[bytes]
    port: int
    log: Path
    began: float
    _seen: dict[int, psutil.Process] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{HOST}:{self.port}"

    def tree(self) -> list[psutil.Process]:
        """Return the process and all below it, PostgreSQL's too."""
        try:
            main = psutil.Process(self.process.pid)
            found = [main, *main.children(recursive=True)]
        except psutil.NoSuchProcess:
            found = []
        self._seen.update({process.pid: process for process in found})
        return found

    def wait_open(self) -> float:
        """Connect every millisecond until the port accepts; return the seconds since the process was made."""
        while True:
            with socket.socket() as probe:
                if probe.connect_ex((HOST, self.port)) == 0:
                    return time.perf_counter() - self.began
            self.check_alive()
            time.sleep(_POLL_S)

    def wait_ready(self) -> float:
        """Ask /ready until it answers 200; return the seconds since the process was made."""
        self.wait_open()
        while True:
            try:
                with urllib.request.urlopen(f"{self.url}/ready", timeout=START_LIMIT_S) as answer:  # our own server
                    if answer.status == 200:
                        return time.perf_counter() - self.began
            except (urllib.error.URLError, OSError):
                pass
            self.check_alive()
            time.sleep(2 * _POLL_S)

    def check_alive(self) -> None:
        """Raise NotStarted when it has ended or takes too long."""
        if self.process.poll() is not None:
            raise NotStarted(f"the server ended with {self.process.returncode}: {self.last_words()}")
        if time.perf_counter() - self.began > START_LIMIT_S:
            raise NotStarted(f"the server was not up after {START_LIMIT_S:.0f} s: {self.last_words()}")

    def last_words(self) -> str:
        """Return the end of what it printed."""
        with contextlib.suppress(OSError):
            return self.log.read_text(errors="replace")[-1_000:].strip()
        return ""

    def stop(self) -> None:
        """End it as a user would, then kill what is left; idempotent."""
        self.tree()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(STOP_LIMIT_S)
        left = [process for process in self._seen.values() if process.is_running()]
        for process in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(left, timeout=STOP_LIMIT_S)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(STOP_LIMIT_S)


def free_port() -> int:
    """Return a loopback port on which no process listens."""
    for _ in range(1_000):
        port = random.choice(_PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((HOST, port))
            return port
    raise NotStarted(f"no free port from {_PORTS.start} to {_PORTS.stop}")


@contextlib.contextmanager
def temporary_folder() -> Iterator[Path]:
    """Make a folder that is deleted at the end."""
    folder = Path(tempfile.mkdtemp(prefix="claude-memory-bench-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def app_server(data_dir: Path, *, dev: bool = False, **settings: str) -> Iterator[Running]:
    """Start our server with the given settings, the others at their defaults; dev: through `./dev serve`."""
    port = free_port()
    command = [str(REPOSITORY / "dev"), "serve"] if dev else [sys.executable, "-m", "app", "serve"]
    data_dir = data_dir.resolve()  # the server runs in another folder
    command += ["--port", str(port), "--data-dir", str(data_dir)]
    with _running(command, port, data_dir.parent, settings) as server:
        yield server


@contextlib.contextmanager
def heartbeat_server(data_dir: Path, **settings: str) -> Iterator[tuple[Running, int]]:
    """Start our server with a heartbeat (benchmarks/heartbeat.py); yield the port that tells of it too."""
    port, beat_port = free_port(), free_port()
    command = [sys.executable, "-m", "benchmarks.heartbeat", str(beat_port), "serve"]
    command += ["--port", str(port), "--data-dir", str(data_dir.resolve())]
    with _running(command, port, data_dir.parent, settings) as server:
        yield server, beat_port


@contextlib.contextmanager
def function_server(python: str, code: Path, data_dir: Path, cpu: int, **settings: str) -> Iterator[Running]:
    """Start an unpacked bundle as a function does, on one CPU. code: its folder; python: which Python runs it."""
    port = free_port()
    given = {"PORT": str(port), "MEMORY_DATA_DIR": str(data_dir), "PYTHONPATH": "", **settings}
    with contextlib.ExitStack() as stack:
        before = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {cpu})  # the new process has it too
        try:
            command = [python, "-s", "-S", str(code / "mcp_server.py")]
            server = stack.enter_context(_running(command, port, data_dir.parent, given))
        finally:
            os.sched_setaffinity(0, before)
        yield server


@contextlib.contextmanager
def reference_server(folder: Path, *, lean: bool = False) -> Iterator[Running]:
    """Start the one-tool server; folder: for its log."""
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.reference", str(port), *(["--lean"] if lean else [])]
    with _running(command, port, folder) as server:
        yield server


@contextlib.contextmanager
def _running(
    command: Sequence[str], port: int, folder: Path, settings: Mapping[str, str] = MappingProxyType({})
) -> Iterator[Running]:
    log = folder / f"server-{port}.log"
    with log.open("wb") as output:
        variables = environment() | dict(settings)
        began = time.perf_counter()
        # In its own session: Ctrl-C reaches only us, and we stop it in order.
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=folder,  # no `.env` of a developer
            env=variables,
            start_new_session=True,
        )
    server = Running(process, port, log, began)
    try:
        yield server
    finally:
        server.stop()


def environment() -> dict[str, str]:
    """Return the environment without anything that our settings read."""
    from app.settings.fields import Settings

    names = {name.upper() for name in Settings.model_fields}
    names |= {f"{name}_FILE" for name in names}
    kept = {name: value for name, value in os.environ.items() if name.upper() not in names}
    return {**kept, "PYTHONPATH": str(REPOSITORY)}


def resident_bytes(server: Running) -> tuple[int, int | None]:
    """Return (RSS, PSS) of all its processes: RSS counts a shared page in each, PSS once; None if not available."""
    rss, pss = 0, 0
    available = True
    for process in server.tree():
        with contextlib.suppress(psutil.NoSuchProcess):
            rss += process.memory_info().rss
            bytes_ = proportional_bytes(process.pid)
            available = available and bytes_ is not None
            pss += bytes_ or 0
    return rss, pss if available else None


def proportional_bytes(pid: int) -> int | None:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1_024 for line in lines if line.startswith("Pss:")), None)


def get_json(server: Running, path: str) -> dict[str, object]:
    """Return the JSON body of a GET."""
    with urllib.request.urlopen(f"{server.url}{path}", timeout=START_LIMIT_S) as answer:
        body = json.load(answer)
    assert isinstance(body, dict)
    return body
