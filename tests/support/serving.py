"""Runs `python -m app serve` as a process of its own, and always stops it."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

from tests.support.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 30.0
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}
MCP_HEADERS = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}


# The last one measures the process where the run is one with --cov.
_KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "XDG_RUNTIME_DIR", "SYSTEMROOT", "COVERAGE_PROCESS_CONFIG")


def clean_environment(**more: str) -> dict[str, str]:
    """Return an environment in which only `more` sets anything."""
    keep = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return {**keep, "PYTHONPATH": str(ROOT), **more}


class Server:
    """A server process. `lines` of stdout are what it said before it was asked for anything."""

    program: tuple[str, ...] = (sys.executable, "-m", "app", "serve")

    @staticmethod
    def environment(**more: str) -> dict[str, str]:
        """Return what it is started with."""
        return clean_environment(**more)

    def __init__(self, data_dir: Path, *arguments: str, cwd: Path | None = None, **environment: str) -> None:
        self.data_dir = data_dir
        self._log = data_dir.with_suffix(".stderr")
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [*self.program, "--port", "0", "--data-dir", str(data_dir), *arguments],
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=cwd or data_dir.parent,
                env=self.environment(**environment),
            )
        self.family: list[psutil.Process] = []
        assert self.process.stdout is not None
        self.first_line = self.process.stdout.readline().decode()
        self.url = self.first_line.removeprefix("listening on ").strip()
        self.port = int(self.url.rpartition(":")[2] or 0) if self.url else 0

    @property
    def log(self) -> str:
        """What it wrote to stderr so far."""
        return self._log.read_text(encoding="utf-8")

    def request(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None, port: int | None = None
    ) -> tuple[int, dict[str, str], Any]:
        """Return (status, headers in small letters, body: JSON read, or text)."""
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=PATIENCE_S)
        try:
            content = body if body is None or isinstance(body, (bytes, str)) else json.dumps(body)
            connection.request(method, path, content, headers or {})
            response = connection.getresponse()
            text = response.read().decode()
            given = {name.lower(): value for name, value in response.getheaders()}
            is_json = given.get("content-type", "").startswith("application/json")
            return response.status, given, json.loads(text) if is_json and text else text
        finally:
            connection.close()

    def call(self, tool: str, arguments: dict[str, Any], **headers: str) -> dict[str, Any]:
        """Call a tool over /mcp and return its result."""
        message = {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {"name": tool, "arguments": arguments}}
        status, _, body = self.request("POST", "/mcp", message, {**MCP_HEADERS, **headers})
        assert status == 200, body
        result: dict[str, Any] = body["result"]
        return result

    def wait_ready(self) -> None:
        """Wait until calls are answered."""
        wait_until(lambda: self.process.poll() is not None or self.request("GET", "/ready")[0] == 200, "the server")
        assert self.process.poll() is None, self.log
        self.family = psutil.Process(self.process.pid).children(recursive=True)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal, wait for the end and return the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(PATIENCE_S)

    def left_over(self) -> list[psutil.Process]:
        """Return processes it had started that still run."""
        return [child for child in self.family if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]

    def end(self) -> None:
        """Stop it whatever its state is."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


class SlowServer(Server):
    """A server with one tool, `wait`, and no PostgreSQL: see slow_server.py."""

    program = (sys.executable, "-m", "tests.support.slow_server")

    def __init__(self, data_dir: Path, *arguments: str, cwd: Path | None = None, **environment: str) -> None:
        environment = {"DATABASE_URL": "postgresql://nowhere", "DRAIN_SECONDS": "0", **environment}
        super().__init__(data_dir, *arguments, cwd=cwd, **environment)


@contextlib.contextmanager
def serving(
    data_dir: Path, *arguments: str, ready: bool = True, kind: type[Server] = Server, **environment: Any
) -> Iterator[Server]:
    """Run a server as long as the block lasts."""
    server = kind(data_dir, *arguments, **environment)
    try:
        if ready:
            server.wait_ready()
        yield server
    finally:
        server.end()


def refused(data_dir: Path, *arguments: str, cwd: Path | None = None, **environment: str) -> tuple[int, str, str]:
    """Run a `serve` that ends by itself; return (exit status, stdout, stderr)."""
    done = subprocess.run(
        [sys.executable, "-m", "app", "serve", "--data-dir", str(data_dir), *arguments],
        capture_output=True,
        text=True,
        cwd=cwd or data_dir.parent,
        env=clean_environment(**environment),
        timeout=PATIENCE_S,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


class SseStream:
    """An open SSE stream on a socket of its own."""

    def __init__(self, port: int, headers: dict[str, str] | None = None) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
        lines = ["GET /sse HTTP/1.1", f"Host: 127.0.0.1:{port}", "Accept: text/event-stream"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        self.socket.sendall("\r\n".join([*lines, "", ""]).encode())
        self.received = b""

    def read_until(self, wanted: bytes) -> bytes:
        """Read until something has come, and return all that came so far."""
        while wanted not in self.received:
            more = self.socket.recv(65_536)
            assert more, f"the stream ended before {wanted!r}: {self.received!r}"
            self.received += more
        return self.received

    def messages_path(self) -> str:
        """Return where this session's messages go."""
        while len(self.read_until(b"session_id=").partition(b"session_id=")[2]) < 32:
            self.received += self.socket.recv(65_536)
        tail = self.received
        return "/messages/?session_id=" + tail.partition(b"session_id=")[2][:32].decode()

    def read_to_end(self) -> bytes:
        """Read until the server closes, and return all that came."""
        while more := self.socket.recv(65_536):
            self.received += more
        return self.received

    def close(self) -> None:
        """Leave."""
        self.socket.close()
