"""The protocol of the Unix socket: its lines, and the few questions that any program may ask.

A connection begins with one line from the program, {"bridge": …} or {"ask": "status" | "settings" | "leave" |
"reindex"}, and one from the daemon, {"daemon": …}. After a bridge's greeting, each line is an MCP message.
Standard library only: the bridge loads it for each session.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import time

from app import __version__
from app.datadir.folder import socket_path

TYPE_CHECKING = False  # `typing` takes 3 ms to import
if TYPE_CHECKING:
    from typing import Any

LINE_LIMIT_BYTES = 16 * 2**20  # the same as for an HTTP body; a longer line is refused and skipped
LINE_TOO_LONG = f"a message over {LINE_LIMIT_BYTES:,} bytes was not read"
AFTER_CLIENT_S = 30.0  # how long a client's calls may run after it has left
GREETING_TIMEOUT_S = 20.0
CHUNK_BYTES = 65_536
IDENTITY = ("DEFAULT_USER_ID", "DEFAULT_AGENT_ID")  # each client's own: sent in the greeting, not set for the daemon
_GREETING_LIMIT_BYTES = 2**20


class BridgeError(Exception):
    """The daemon cannot be reached or started: one line with the reason."""


class Lines:
    """Cuts a stream of bytes into lines; a line over the limit is dropped and counted in `too_long`."""

    def __init__(self, limit_bytes: int | None = LINE_LIMIT_BYTES) -> None:
        self._limit = limit_bytes
        self._parts: list[bytes] = []
        self._size = 0
        self._skipping = False
        self.too_long = 0

    def feed(self, data: bytes) -> list[bytes]:
        """Return the lines that are complete now, each with its line end."""
        lines = []
        *ends, rest = data.split(b"\n")
        for end in ends:
            if self._skipping:
                self._skipping = False
            else:
                line = b"".join([*self._parts, end, b"\n"])
                if self._limit is not None and len(line) > self._limit:
                    self.too_long += 1
                elif line.strip():
                    lines.append(line)
            self._parts, self._size = [], 0
        if rest and not self._skipping:
            self._parts.append(rest)
            self._size += len(rest)
            if self._limit is not None and self._size > self._limit:
                self.too_long += 1
                self._skipping, self._parts, self._size = True, [], 0
        return lines


def about_us() -> dict[str, Any]:
    """Return what a bridge says of itself: its version, and its client's identity if the environment has one."""
    identity = {name.lower(): os.environ[name] for name in IDENTITY if os.environ.get(name)}
    return {"version": __version__, "pid": os.getpid(), "identity": identity}


def greet(
    connection: socket.socket, hello: dict[str, Any], timeout_s: float = GREETING_TIMEOUT_S
) -> tuple[dict[str, Any] | None, bytes]:
    """Send our greeting; return the daemon's and the bytes after it, or None when it goes away."""
    deadline = time.monotonic() + timeout_s
    received = b""
    try:
        connection.settimeout(timeout_s)
        connection.sendall(json.dumps(hello).encode() + b"\n")
        while b"\n" not in received:
            connection.settimeout(max(0.001, deadline - time.monotonic()))
            data = connection.recv(CHUNK_BYTES)
            if not data or len(received) > _GREETING_LIMIT_BYTES:
                return None, b""
            received += data
        connection.settimeout(None)
        line, _, rest = received.partition(b"\n")
        greeting = json.loads(line)["daemon"]
        return (greeting, rest) if isinstance(greeting.get("version"), str) else (None, b"")
    except (OSError, ValueError, LookupError, TypeError, AttributeError):  # gone, late, or not our daemon
        return None, b""


def ask(data_dir: str, question: str, timeout_s: float = GREETING_TIMEOUT_S) -> dict[str, Any] | None:
    """Ask the running daemon or server for `status` or `settings`, to `leave` or to `reindex`; None: no answer."""
    connection = connect(data_dir, timeout_s)
    if connection is None:
        return None
    with connection:
        return greet(connection, {"ask": question}, timeout_s)[0]


def ask_to_leave(data_dir: str) -> None:
    """Ask the daemon to finish its calls and leave; return when it has left, or after GREETING_TIMEOUT_S."""
    connection = connect(data_dir)
    if connection is None:
        return
    with connection:
        greet(connection, {"ask": "leave"})
        connection.settimeout(GREETING_TIMEOUT_S)
        try:
            while connection.recv(CHUNK_BYTES):
                pass
        except OSError:
            return


def connect(data_dir: str, timeout_s: float = GREETING_TIMEOUT_S) -> socket.socket | None:
    """Return a connection to the daemon of a data directory; None unless this user or root runs one."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        path = socket_path(data_dir)
        connection.settimeout(timeout_s)  # a suspended daemon accepts no more once its queue is full
        connection.connect(path)
        if _owner(connection, path) in (os.geteuid(), 0):
            return connection
    except OSError:
        pass
    connection.close()
    return None


def _owner(connection: socket.socket, path: str) -> int:
    """Return the user id of the process that listens at a path: in /tmp it could be anyone's."""
    user = peer_user(connection)
    return os.stat(os.path.dirname(path)).st_uid if user is None else user  # noqa: PTH116, PTH120


def peer_user(connection: socket.socket) -> int | None:
    """Return the user id of the process at the other end; None when the system does not report it."""
    if sys.platform != "linux":
        return None
    peer = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)  # struct ucred: pid, uid, gid
    return int.from_bytes(peer[4:8], sys.byteorder)
