"""The WebSocket of `/logs/subscribe`, written from RFC 6455: it sends each new line that fits, and answers pings."""

from __future__ import annotations

import base64
import hashlib
import json
import select
import socket
import struct
from collections.abc import Callable
from io import BufferedIOBase
from typing import BinaryIO

from tests.standins.render.observed import fits
from tests.standins.render.state import Request, State

_MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_TEXT, _CLOSE, _PING, _PONG = 1, 8, 9, 10
_LOOK_S = 0.01


def accepted(key: str) -> bytes:
    """Return the answer to an opening handshake."""
    digest = hashlib.sha1((key + _MAGIC).encode(), usedforsecurity=False).digest()
    lines = [
        "HTTP/1.1 101 Switching Protocols",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Accept: {base64.b64encode(digest).decode()}",
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def frame(kind: int, content: bytes) -> bytes:
    """Return a whole message as a server sends it: unmasked."""
    size = len(content)
    if size < 126:
        return struct.pack("!BB", 0x80 | kind, size) + content
    if size < 1 << 16:
        return struct.pack("!BBH", 0x80 | kind, 126, size) + content
    return struct.pack("!BBQ", 0x80 | kind, 127, size) + content


def received(stream: BinaryIO | BufferedIOBase) -> tuple[int, bytes]:
    """Read a frame of a client, which must be masked; what it sends here is short."""
    first, second = stream.read(2)
    assert second & 0x80, "a client must mask what it sends"
    size = second & 0x7F
    if size == 126:
        size = struct.unpack("!H", stream.read(2))[0]
    mask = stream.read(4)
    return first & 0x0F, bytes(byte ^ mask[place % 4] for place, byte in enumerate(stream.read(size)))


def serve(
    connection: socket.socket,
    stream: BinaryIO | BufferedIOBase,
    state: State,
    request: Request,
    sent: int,
    go_on: Callable[[], bool],
) -> None:
    """Send new lines until the client closes or `go_on` says no, which breaks the connection off.

    sent: how many lines there were when the socket was opened.
    """
    while go_on():
        with state.lock:
            new, sent = state.logs[sent:], len(state.logs)
        for line in new:
            if fits(line, request):
                connection.sendall(frame(_TEXT, json.dumps(line).encode()))
        if select.select([connection], [], [], _LOOK_S)[0]:
            if not connection.recv(1, socket.MSG_PEEK):
                return
            kind, content = received(stream)
            if kind == _CLOSE:
                connection.sendall(frame(_CLOSE, content))
                return
            if kind == _PING:
                connection.sendall(frame(_PONG, content))
