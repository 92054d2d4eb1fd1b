"""Bridges as clients start them, the daemons behind them, and a stand-in for a daemon; all ended in the end."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil

from app.bridge.protocol import ask
from app.datadir.folder import socket_path
from tests.support.serving import INITIALIZE, PATIENCE_S, clean_environment
from tests.support.waiting import wait_until

INITIALIZED = {"jsonrpc": "2.0", "method": "notifications/initialized"}
MODERN_META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "modern", "version": "2"},
    "io.modelcontextprotocol/clientCapabilities": {},
}


class Gone(Exception):
    """The bridge ended before it answered."""


class Client:
    """A bridge process, and this test as its client."""

    def __init__(
        self, data_dir: Path, *, reads: bool = True, stdout: int = subprocess.PIPE, **environment: str
    ) -> None:
        self._errors = data_dir.with_name(f"{data_dir.name}.{os.urandom(4).hex()}.stderr")
        self._errors.parent.mkdir(parents=True, exist_ok=True)
        with self._errors.open("wb") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "app", "stdio", "--data-dir", str(data_dir)],
                stdin=subprocess.PIPE,
                stdout=stdout,
                stderr=errors,
                cwd=data_dir.parent,
                env=clean_environment(**environment),
            )
        assert self.process.stdin is not None
        self.stdin = self.process.stdin
        self.lines: list[dict[str, Any]] = []
        self._answers: dict[str, dict[str, Any]] = {}
        self._came = threading.Condition()
        self._ended = False
        self._ids = 100
        self._reader = threading.Thread(target=self._read, daemon=True)
        if reads:
            self.read()

    def read(self) -> None:
        """Begin to read what the bridge says."""
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        try:
            for line in self.process.stdout:
                message = json.loads(line)
                with self._came:
                    self.lines.append(message)
                    if "method" not in message:
                        self._answers[json.dumps(message["id"])] = message
                    self._came.notify_all()
        finally:
            with self._came:
                self._ended = True
                self._came.notify_all()

    @property
    def errors(self) -> str:
        """What it wrote to stderr."""
        return self._errors.read_text(encoding="utf-8")

    def send(self, message: Any) -> None:
        """Send a message, or bytes as they are."""
        data = message if isinstance(message, bytes) else json.dumps(message).encode() + b"\n"
        self.stdin.write(data)
        self.stdin.flush()

    def request(self, method: str, params: dict[str, Any] | None = None) -> int:
        """Send a request and return its id."""
        self._ids += 1
        self.send({"jsonrpc": "2.0", "id": self._ids, "method": method, "params": params or {}})
        return self._ids

    def answer(self, request_id: Any) -> dict[str, Any]:
        """Wait for the answer to a request. Raises Gone when the bridge ends before."""
        key = json.dumps(request_id)
        with self._came:
            if not self._came.wait_for(lambda: key in self._answers or self._ended, PATIENCE_S):
                raise AssertionError(f"no answer to {request_id}; stderr: {self.errors}")
            if key not in self._answers:
                raise Gone(self.errors)
            return self._answers.pop(key)

    def initialize(self) -> dict[str, Any]:
        """Shake hands and return the server's answer."""
        self.send(INITIALIZE)
        answer = self.answer(INITIALIZE["id"])
        assert "result" in answer, answer
        self.send(INITIALIZED)
        return answer

    def start_call(self, tool: str, **arguments: Any) -> int:
        """Call a tool and return the request's id."""
        return self.request("tools/call", {"name": tool, "arguments": arguments})

    def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Call a tool and return its whole answer."""
        return self.answer(self.start_call(tool, **arguments))

    def memorize(self, text: str) -> None:
        """Remember a text."""
        answer = self.call("memorize", text=text)
        assert answer["result"]["isError"] is False, answer

    def leave(self) -> int:
        """Close its stdin, wait for the end and return the exit status."""
        self.stdin.close()
        return self.process.wait(PATIENCE_S)

    def end(self) -> None:
        """End it whatever its state is."""
        with contextlib.suppress(OSError):
            self.stdin.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        if self._reader.ident is not None:
            self._reader.join(PATIENCE_S)
        if self.process.stdout is not None:
            self.process.stdout.close()


class Machine:
    """One data directory, the bridges a test starts on it, and the daemon they start."""

    def __init__(self, data_dir: Path, **environment: str) -> None:
        self.data_dir = data_dir
        self.environment = environment
        self._clients: list[Client] = []
        self._seen: dict[int, psutil.Process] = {}

    def client(self, *, initialized: bool = True, **more: Any) -> Client:
        """Start a bridge."""
        client = Client(self.data_dir, **{**self.environment, **more})
        self._clients.append(client)
        if initialized:
            client.initialize()
        return client

    def status(self) -> dict[str, Any]:
        """Return what the daemon says of itself."""
        status: dict[str, Any] = wait_until(lambda: ask(str(self.data_dir), "status"), "a daemon")
        return status

    def processes(self) -> list[psutil.Process]:
        """Return all processes that work on the data directory, PostgreSQL's too, bridges apart."""
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                words = process.cmdline()
                if str(self.data_dir) in words and "stdio" not in words:
                    self._seen.update({one.pid: one for one in (process, *process.children(recursive=True))})
        return [process for process in self._seen.values() if runs(process)]

    def daemons(self) -> list[psutil.Process]:
        """Return the daemons of the data directory."""
        return [process for process in self.processes() if "daemon" in _words(process)]

    def end_clients(self) -> None:
        """End all bridges."""
        for client in self._clients:
            client.end()

    def end(self) -> None:
        """End the bridges, then the daemon, then whatever is left."""
        self.end_clients()
        for process in self.daemons():
            with contextlib.suppress(psutil.Error):
                process.terminate()
        with contextlib.suppress(AssertionError):
            wait_until(lambda: self.processes() == [], "the end of all processes", 15)
        for process in self.processes():
            with contextlib.suppress(psutil.Error):
                process.kill()


def runs(process: psutil.Process) -> bool:
    """Whether a process has not ended; init may bury one that has only seconds later."""
    with contextlib.suppress(psutil.Error):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def _words(process: psutil.Process) -> list[str]:
    with contextlib.suppress(psutil.Error):
        return process.cmdline()
    return []


@contextlib.contextmanager
def machine_at(data_dir: Path, **environment: str) -> Iterator[Machine]:
    """A machine as long as the block lasts."""
    machine = Machine(data_dir, **environment)
    try:
        yield machine
    finally:
        machine.end()


class StandIn:
    """Listens as a daemon would and plays a part: `play` gets each bridge's connection, after the greeting.

    It ends after the machine's bridges, which would start a daemon in its place.
    """

    def __init__(self, machine: Machine, play: Callable[[Peer], None], **greeting: Any) -> None:
        self.asked: list[str] = []
        self.peers: list[Peer] = []
        self._play = play
        self._greeting = {"version": "99.0.0", "pid": os.getpid(), "mode": "daemon", **greeting}
        self._machine = machine
        self._path = socket_path(machine.data_dir)
        self._listener = socket.socket(socket.AF_UNIX)
        Path(self._path).unlink(missing_ok=True)
        self._listener.bind(self._path)
        self._listener.listen()
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        peer = Peer(connection)
        with connection, contextlib.closing(peer), contextlib.suppress(OSError, EOFError):
            hello = peer.line()
            peer.send({"daemon": self._greeting})
            if "ask" in hello:
                self.asked.append(hello["ask"])
                if hello["ask"] == "leave":
                    self.leave()
                return
            self.peers.append(peer)
            self._play(peer)

    def leave(self) -> None:
        """Be asked to leave: as a daemon does, take nobody any more."""
        self.end()

    def end(self) -> None:
        """Take nobody any more; idempotent."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def __enter__(self) -> StandIn:
        return self

    def __exit__(self, *_: object) -> None:
        self._machine.end_clients()
        self.end()
        for peer in self.peers:
            with contextlib.suppress(OSError):
                peer.socket.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(PATIENCE_S)


class Peer:
    """A stand-in's end of one connection."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self.said: list[dict[str, Any]] = []
        self._file = connection.makefile("rb")

    def close(self) -> None:
        """Let go of the connection."""
        self._file.close()

    def line(self) -> dict[str, Any]:
        """Return the next line. Raises EOFError when the bridge has gone."""
        line = self._file.readline()
        if not line:
            raise EOFError
        self.said.append(json.loads(line))
        return self.said[-1]

    def send(self, message: Any) -> None:
        """Send a message."""
        self.socket.sendall(json.dumps(message).encode() + b"\n")

    def reply(self, request: dict[str, Any], **result: Any) -> None:
        """Answer a request."""
        self.send({"jsonrpc": "2.0", "id": request["id"], "result": result})


def echo(peer: Peer) -> None:
    """Answer every request with its own params, until the bridge goes."""
    while True:
        request = peer.line()
        if "id" in request and "method" in request:
            peer.reply(request, echo=request.get("params"), by=len(peer.said))
