"""Carries one client's session: its requests to the daemon, the daemon's answers back.

When the daemon goes away, calls in flight are answered with an error, the next daemon is started, and the client's
handshake is replayed, so the session continues.

The bridge never waits for one side while the other has something to say. It buffers what it cannot pass on yet; while
the buffer for one side is full, it reads nothing from the other.
"""

from __future__ import annotations

import json
import os
import select
import time
from collections import deque

from app.bridge.connector import DaemonConnector
from app.bridge.protocol import AFTER_CLIENT_S, CHUNK_BYTES, LINE_TOO_LONG, BridgeError, Lines

TYPE_CHECKING = False  # `typing` takes 3 ms to import
if TYPE_CHECKING:
    import socket
    from typing import Any

_PIPE_BYTES = 4_096  # a writable pipe accepts this much without waiting (PIPE_BUF)
_BUFFER_BYTES, _BUFFER_LINES = 2**20, 256
_RETRY_S = 0.01
_LAST_WORDS_S = 1.0  # a bridge that gives up still answers the client's requests this long, to say why
_REPLAY_ID = "claude-memory-replay"

_SERVER_ERROR = -32_000  # the range JSON-RPC leaves to servers
_INVALID_REQUEST = -32_600


class BridgeSession:
    """One client's session, until the client leaves."""

    def __init__(self, data_dir: str, client_in: int = 0, client_out: int = 1) -> None:
        self._connector = DaemonConnector(data_dir)
        self._in, self._out = client_in, client_out
        self._from_client, self._from_daemon = Lines(), Lines(None)
        self._daemon: socket.socket | None = None
        self._to_client = bytearray()
        self._to_daemon: deque[tuple[bytes, dict[str, Any]]] = deque()  # lines, each with what `_about` says of it
        self._to_daemon_bytes = 0
        self._sent = 0  # bytes of the first line that the daemon has already
        self._in_flight: dict[str, Any] = {}  # ids the daemon has, by their JSON: 1 and "1" differ
        self._initialize: dict[str, Any] | None = None
        self._initialized: bytes | None = None
        self._client_left_at: float | None = None

    def run(self) -> int:
        """Carry lines until the client leaves. Raises BridgeError, after the client got it as an answer."""
        try:
            self._connect()
            while not self._over():
                self._carry()
        except BridgeError as error:
            self._refuse(str(error))
            raise
        return 0

    def _over(self) -> bool:
        """Whether the client has closed its end and got all its answers, or they took over AFTER_CLIENT_S."""
        if self._client_left_at is None:
            return False
        waiting = self._in_flight or self._to_daemon or self._to_client
        return not waiting or time.monotonic() - self._client_left_at > AFTER_CLIENT_S

    def _carry(self) -> None:
        """Wait until something can be passed on, and pass it on."""
        daemon = self._daemon
        assert daemon is not None
        poll = select.poll()
        if (
            self._client_left_at is None
            and self._to_daemon_bytes < _BUFFER_BYTES
            and len(self._to_daemon) < _BUFFER_LINES
        ):
            poll.register(self._in, select.POLLIN)
        # Without a flag it still reports a client that has stopped reading.
        poll.register(self._out, select.POLLOUT if self._to_client else 0)
        of_daemon = select.POLLOUT if self._to_daemon else 0
        if len(self._to_client) < _BUFFER_BYTES:
            of_daemon |= select.POLLIN
        poll.register(daemon, of_daemon)
        ready = dict(poll.poll(None if self._client_left_at is None else 1_000))
        if ready.get(self._out, 0) & (select.POLLERR | select.POLLHUP | select.POLLNVAL):
            raise BrokenPipeError  # the client is gone
        if self._in in ready:
            self._take_requests()
        if self._to_client:
            self._answer()
        if (events := ready.get(daemon.fileno(), 0)) or self._to_daemon:
            alive = self._pass_requests()
            if events & ~select.POLLOUT:
                alive = self._take_answers() and alive
            if not alive:
                self._reconnect()

    def _take_requests(self) -> None:
        """Read the client's requests."""
        try:
            data = os.read(self._in, CHUNK_BYTES)
        except BlockingIOError:  # another process that shares it was quicker
            return
        except OSError:
            data = b""
        if not data:
            self._client_left_at = time.monotonic()
        refused = self._from_client.too_long
        for line in self._from_client.feed(data):
            self._to_daemon.append((line, _about(line)))
            self._to_daemon_bytes += len(line)
        for _ in range(self._from_client.too_long - refused):
            self._answer_error(None, _INVALID_REQUEST, LINE_TOO_LONG)

    def _pass_requests(self) -> bool:
        """Send the daemon its waiting lines; False when it has gone."""
        assert self._daemon is not None
        while self._to_daemon:
            line, message = self._to_daemon[0]
            try:
                self._sent += self._daemon.send(memoryview(line)[self._sent :])
            except BlockingIOError:
                return True
            except OSError:
                return False
            if self._sent == len(line):
                self._to_daemon.popleft()
                self._to_daemon_bytes -= len(line)
                self._sent = 0
                self._note_sent(line, message)
        return True

    def _note_sent(self, line: bytes, message: dict[str, Any]) -> None:
        method = message.get("method")
        if method is None or message.get("id") == _REPLAY_ID:
            return
        if "id" in message:
            self._in_flight[json.dumps(message["id"])] = message["id"]
        if method == "initialize":
            self._initialize, self._initialized = message, None
        elif method == "notifications/initialized":
            self._initialized = line
        elif method == "notifications/cancelled" and isinstance(message.get("params"), dict):
            self._in_flight.pop(json.dumps(message["params"].get("requestId")), None)

    def _take_answers(self) -> bool:
        """Read the daemon's answers; False when it has gone."""
        assert self._daemon is not None
        try:
            data = self._daemon.recv(CHUNK_BYTES)
        except BlockingIOError:
            return True
        except OSError:
            return False
        self._note_answers(data)
        self._answer()
        return bool(data)

    def _note_answers(self, data: bytes) -> None:
        for line in self._from_daemon.feed(data):
            message = _about(line)
            if "method" not in message and "id" in message:
                if message["id"] == _REPLAY_ID:
                    continue
                self._in_flight.pop(json.dumps(message["id"]), None)
            self._to_client += line

    def _answer(self) -> None:
        """Write to the client as much as it accepts without waiting. Raises BrokenPipeError."""
        poll = select.poll()
        poll.register(self._out, select.POLLOUT)
        while self._to_client and poll.poll(0):
            try:
                written = os.write(self._out, self._to_client[:_PIPE_BYTES])
            except BlockingIOError:
                return
            except OSError as error:
                raise BrokenPipeError from error
            del self._to_client[:written]

    def _answer_error(self, request_id: Any, code: int, text: str) -> None:
        error = {"jsonrpc": "2.0", "id": request_id, "error": {"code": code, "message": text}}
        self._to_client += json.dumps(error).encode() + b"\n"

    def _connect(self) -> None:
        """Connect to a daemon no older than this program; start one when none runs. Raises BridgeError."""
        self._daemon, rest = self._connector.connect()
        self._daemon.setblocking(False)
        self._note_answers(rest)

    def _reconnect(self) -> None:
        """Answer calls in flight with an error, find or start a daemon, replay the handshake.

        The old daemon did not read a line that was sent only in part: it goes to the next one.
        """
        if self._daemon is not None:
            self._daemon.close()
        self._from_daemon = Lines(None)
        self._sent = 0
        handshake = self._handshake()
        for request_id in self._in_flight.values():
            self._answer_error(
                request_id,
                _SERVER_ERROR,
                "the memory daemon stopped during this call, so it may or may not have been done; try it again",
            )
        self._in_flight = {}
        self._answer()  # at once: the client need not wait for the next daemon
        self._to_daemon.extendleft(reversed(handshake))
        self._to_daemon_bytes += sum(len(line) for line, _ in handshake)
        self._connect()

    def _handshake(self) -> list[tuple[bytes, dict[str, Any]]]:
        """Return the lines that the next daemon must get first; an `initialize` in flight is sent again unchanged."""
        if self._initialize is None or any(about.get("id") == _REPLAY_ID for _, about in self._to_daemon):
            return []
        initialize_id = json.dumps(self._initialize.get("id"))
        if not self._initialized and initialize_id in self._in_flight:
            del self._in_flight[initialize_id]
            return [(json.dumps(self._initialize).encode() + b"\n", self._initialize)]
        replay = {**self._initialize, "id": _REPLAY_ID}
        lines = [(json.dumps(replay).encode() + b"\n", replay)]
        if self._initialized:
            lines.append((self._initialized, {}))
        return lines

    def _refuse(self, reason: str) -> None:
        """Answer the client's waiting requests, and those of the next _LAST_WORDS_S seconds, with the reason."""
        waiting = [*self._in_flight.values()]
        deadline = time.monotonic() + _LAST_WORDS_S
        poll = select.poll()
        poll.register(self._in, select.POLLIN)
        try:
            while True:
                waiting += [about["id"] for _, about in self._to_daemon if "method" in about and "id" in about]
                self._to_daemon.clear()
                wait_s = 0.0 if waiting else max(0.0, deadline - time.monotonic())
                if self._client_left_at is not None or not poll.poll(wait_s * 1_000):
                    break
                self._take_requests()
            for request_id in waiting:
                if request_id != _REPLAY_ID:
                    self._answer_error(request_id, _SERVER_ERROR, reason)
            self._answer()
            while self._to_client and time.monotonic() < deadline:
                time.sleep(_RETRY_S)
                self._answer()
        except BrokenPipeError:  # no one is there to read it
            return


def _about(line: bytes) -> dict[str, Any]:
    """Return the part of a message that the bridge needs; {} for anything else, which the daemon refuses.

    That is the whole of a handshake, but not the params of a call: they may be large.
    """
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(message, dict):
        return {}
    if message.get("method") in ("initialize", "notifications/cancelled"):
        return message
    return {key: message[key] for key in ("id", "method") if key in message}
