"""Python's own HTTP server within the bounds of `app.http.bounds`, for a process that loads nothing before it must."""

from __future__ import annotations

import contextlib
import http.client
import io
import socket
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock
from typing import Any

from app.http.bounds import BOUNDS, SparseLog

CONNECTIONS = 64  # a thread each; then the one that is silent longest makes room
_ANSWER_S = BOUNDS.unread_s
_ACCEPT_AGAIN_S = 0.1


class BoundedServer(ThreadingHTTPServer):
    """Serves each connection in a thread; silent ones block no other."""

    daemon_threads = True
    head_s, body_s = BOUNDS.head_s, BOUNDS.body_grace_s

    def __init__(self, *arguments: Any, **named: Any) -> None:
        self.log = SparseLog()
        self._silent: dict[socket.socket, None] = {}
        self._open = 0
        self._counting = Lock()
        super().__init__(*arguments, **named)

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept a connection. Waits when there is no descriptor: the selector would come back at once."""
        try:
            return super().get_request()
        except OSError as error:
            self.log.warn(f"no connection can be accepted: {error.strerror}")
            time.sleep(_ACCEPT_AGAIN_S)
            raise

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection, in place of a silent one when there are too many."""
        with self._counting:
            victim = next(iter(self._silent), None) if self._open >= CONNECTIONS else None
            if self._open >= CONNECTIONS and victim is None:
                self.log.warn(f"refused a connection: {CONNECTIONS} requests are in work")
                self.shutdown_request(request)
                return
            if victim is not None:
                self.log.warn(f"closed a silent connection for another one: {CONNECTIONS} are open")
                del self._silent[victim]
                _wake(victim)
            self._open += 1
            self._silent[request] = None
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve a connection in its thread."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._counting:
                self._silent.pop(request, None)
                self._open -= 1

    def heard(self, request: socket.socket) -> None:
        """Note that a connection has sent the head of its request."""
        with self._counting:
            self._silent.pop(request, None)


class BoundedHandler(BaseHTTPRequestHandler):
    """Reads a request whose head and body are bounded in size and time."""

    server: BoundedServer

    def setup(self) -> None:
        super().setup()
        self._reading = _Reading(self.connection, BOUNDS.head_bytes, self.server.head_s)
        self.rfile = io.BufferedReader(self._reading)

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except http.client.LineTooLong:  # in the request line; the headers' own are caught by what reads them
            self.requestline = self.request_version = self.command = ""
            self.close_connection = True
            self.send_error(431)

    def parse_request(self) -> bool:
        parsed = super().parse_request()
        self.connection.settimeout(_ANSWER_S)
        self.server.heard(self.connection)
        return parsed

    def body(self, length: int) -> bytes:
        """Return a body of a known length. Raises TimeoutError."""
        self._reading.allow(length, self.server.body_s)
        try:
            return self.rfile.read(length)
        finally:
            self.connection.settimeout(_ANSWER_S)


class _Reading(io.RawIOBase):
    """Reads from a connection up to a number of bytes and a moment."""

    def __init__(self, connection: socket.socket, size: int, seconds: float) -> None:
        self._connection = connection
        self.allow(size, seconds)

    def allow(self, size: int, seconds: float) -> None:
        self._left, self._until = size, time.monotonic() + seconds

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        """Read what is there. Raises TimeoutError, and LineTooLong when there was more than is allowed."""
        if self._left <= 0:
            raise http.client.LineTooLong("head")
        remaining_s = self._until - time.monotonic()
        if remaining_s <= 0:
            raise TimeoutError("the request did not arrive in time")
        self._connection.settimeout(remaining_s)
        size = self._connection.recv_into(buffer)
        self._left -= size
        return size


def _wake(connection: socket.socket) -> None:
    """End the reading of a connection, which its own thread then closes."""
    with contextlib.suppress(OSError):  # it has gone already
        connection.shutdown(socket.SHUT_RDWR)
