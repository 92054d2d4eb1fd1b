"""Answers on the open port, in a thread, while the app is imported."""

from __future__ import annotations

import os
import selectors
import socket
import threading
import time

from app import __version__

TYPE_CHECKING = False  # `typing` takes 3 ms to import
if TYPE_CHECKING:
    from typing import Any

    from app.process.timeline import Timeline

HELD_LIMIT = 512  # connections held while importing, and at most half of the files that the process may open
PEEK_BYTES = 8_192


class Doorman(threading.Thread):
    """Answers GET /health and /ready until the server is up, and holds all other connections for it.

    It only peeks at what a connection sends, so the server reads every byte itself. No client can block it: no call
    blocks, a connection with anything but a whole request for /health or /ready is put aside at once, and HELD_LIMIT
    limits how many connections it holds: the imports need files too.
    """

    def __init__(self, listener: socket.socket, timeline: Timeline) -> None:
        super().__init__(name="doorman", daemon=True)
        self._listener, self._timeline = listener, timeline
        self._wake, self._woken = socket.socketpair()
        self._silent: dict[int, socket.socket] = {}  # nothing received yet, oldest first
        self._held: list[socket.socket] = []
        self._handed_over = False
        self._half_of_files = _half_of_files()
        self._selector = selectors.DefaultSelector()

    def run(self) -> None:
        self._listener.setblocking(False)
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._woken, selectors.EVENT_READ)
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._woken:
                    return
                if key.fileobj is self._listener:
                    self._accept()
                else:
                    self._inspect(self._silent[key.fd])

    def hand_over(self) -> list[socket.socket]:
        """Stop, and return every unanswered connection, the silent ones too."""
        if self._handed_over:
            return []
        self._handed_over = True
        self._wake.send(b"x")
        if self.ident is not None:
            self.join()
        self._selector.close()
        self._wake.close()
        self._woken.close()
        return [*self._held, *self._silent.values()]

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return
        except OSError:  # no more open files: the kernel keeps the connection, so wait instead of spinning
            time.sleep(0.05)
            return
        connection.setblocking(False)
        if len(self._held) + len(self._silent) >= self._limit() and self._silent:
            self._drop(next(iter(self._silent.values())))
        self._silent[connection.fileno()] = connection
        self._selector.register(connection, selectors.EVENT_READ)
        self._inspect(connection)  # most clients have sent their request with the handshake's last packet

    def _limit(self) -> int:
        return min(HELD_LIMIT, self._half_of_files)

    def _inspect(self, connection: socket.socket) -> None:
        try:
            peeked = connection.recv(PEEK_BYTES, socket.MSG_PEEK)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self._drop(connection)
            return
        if not peeked:
            self._drop(connection)
            return
        answer = self._answer(peeked)
        if answer is not None:
            self._reply(connection, answer)
        elif len(self._held) + len(self._silent) > self._limit():
            self._reply(connection, _http(503, {"error": _BUSY}, "Retry-After: 1\r\n"))
        else:
            self._forget(connection)
            self._held.append(connection)

    def _answer(self, peeked: bytes) -> bytes | None:
        """Return the answer to a whole request for /health or /ready, None for anything else."""
        if b"\r\n\r\n" not in peeked:
            return None
        method, _, rest = peeked.partition(b"\r\n")[0].partition(b" ")
        path = rest.partition(b" ")[0].partition(b"?")[0]
        if method not in (b"GET", b"HEAD") or path not in (b"/health", b"/ready"):
            return None
        body = {
            "status": "starting",
            "version": __version__,
            "uptime_seconds": round(self._timeline.uptime_s, 3),
            "components": {"server": {"status": "starting", "detail": "loading"}},
        }
        answer = _http(503 if path == b"/ready" else 200, body)
        return answer.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" if method == b"HEAD" else answer

    def _reply(self, connection: socket.socket, answer: bytes) -> None:
        """Answer and close. Reads everything first: closing with unread data would reset the connection."""
        try:
            while connection.recv(65_536):
                pass
        except OSError:  # nothing left to read
            pass
        try:
            connection.send(answer)  # a few hundred bytes into an empty buffer, so never partial
            connection.shutdown(socket.SHUT_WR)
        except OSError:  # the client went away
            pass
        self._drop(connection)

    def _forget(self, connection: socket.socket) -> None:
        self._selector.unregister(connection)
        self._silent.pop(connection.fileno(), None)

    def _drop(self, connection: socket.socket) -> None:
        self._forget(connection)
        connection.close()


def _half_of_files() -> int:
    if os.name != "posix":
        return HELD_LIMIT
    import resource

    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return limit // 2 if limit > 0 else HELD_LIMIT  # -1: no limit


_BUSY = {
    "code": "unavailable",
    "message": "the server is starting and too many requests are waiting already; try again",
}
_REASONS = {200: "OK", 503: "Service Unavailable"}


def _http(status: int, body: dict[str, Any], headers: str = "") -> bytes:
    import json

    content = json.dumps(body).encode()
    head = (
        f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(content)}\r\nCache-Control: no-store\r\n{headers}Connection: close\r\n\r\n"
    )
    return head.encode() + content
