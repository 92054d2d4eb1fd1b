"""Asks the running daemon or server over its socket what clients ask: to call a tool, to read a resource."""

from __future__ import annotations

import json
import os
import socket
import time
from pathlib import Path
from typing import Any

from app import __version__
from app.bridge.protocol import BridgeError, about_us, greet
from app.datadir.folder import socket_path
from app.errors import Unavailable

META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",  # needs no handshake
    "io.modelcontextprotocol/clientInfo": {"name": "claude-memory", "version": __version__},
    "io.modelcontextprotocol/clientCapabilities": {},
}
_ID = 1  # of the only request that is on its way
_SEE_LOG = "; see daemon.log"


class ServerRefuses(Unavailable):
    """The server answers, and refuses: the message is its own."""

    code = "refused"


def call_tool(data_dir: Path, tool: str, arguments: dict[str, Any], timeout_s: float) -> dict[str, Any]:
    """Call a tool of a server that runs, and return its structured result. Raises Unavailable."""
    return structured(tool, asked(data_dir, "tools/call", {"name": tool, "arguments": arguments}, timeout_s))


def structured(tool: str, result: dict[str, Any]) -> dict[str, Any]:
    """Return the structured result of a tool's call. Raises ServerRefuses with the words of a tool's error."""
    content = result.get("structuredContent")
    if not result.get("isError") and isinstance(content, dict):
        return content
    blocks = result.get("content")
    texts = [str(block.get("text", "")) for block in blocks if isinstance(block, dict)] if blocks else []
    raise ServerRefuses(" ".join(" ".join(texts).split())[:1_000] or f"{tool}: the answer has no result")


def arguments_of(data_dir: Path, tool: str, timeout_s: float) -> frozenset[str]:
    """Return the names of the arguments that a tool takes, which depends on the memory backend. Raises Unavailable."""
    for offered in asked(data_dir, "tools/list", {}, timeout_s).get("tools") or ():
        if offered["name"] == tool:
            return frozenset(offered["inputSchema"]["properties"])
    raise Unavailable(f"{tool}: the server does not offer it")


def read_resource(data_dir: Path, uri: str, timeout_s: float) -> dict[str, Any]:
    """Return a resource that is a JSON object. Raises Unavailable, also when there is none."""
    return resource(uri, asked(data_dir, "resources/read", {"uri": uri}, timeout_s))


def resource(uri: str, result: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON object in the result of reading a resource. Raises Unavailable."""
    try:
        body = json.loads(result["contents"][0]["text"])
    except (LookupError, TypeError, ValueError):
        body = None
    if not isinstance(body, dict):
        raise Unavailable(f"{uri}: the server answered something else than a JSON object")
    return body


def asked(data_dir: Path, method: str, params: dict[str, Any], timeout_s: float) -> dict[str, Any]:
    """Make one request of a server that runs, and return its result. Raises Unavailable.

    It is no session, so it does not keep a daemon alive.
    """
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(timeout_s)
            connection.connect(socket_path(data_dir))
            greeting, received = greet(connection, {"bridge": {**about_us(), "passing": True}}, timeout_s)
            if greeting is None:
                raise Unavailable(f"the daemon does not answer the greeting{_SEE_LOG}")
            if refused := greeting.get("refused"):
                raise Unavailable(f"the daemon refuses this client: {refused}")
            return _exchange(connection, received, method, params, timeout_s)
    except OSError as error:
        raise _no_answer(error) from error


class StartedServer:
    """A connection to the server of a data directory; where none runs, a daemon is started, as `stdio` does."""

    def __init__(self, data_dir: Path) -> None:
        """Raises Unavailable."""
        from app.bridge.connector import DaemonConnector

        if not hasattr(socket, "AF_UNIX") or not hasattr(os, "fork"):
            raise Unavailable("this needs a system with Unix sockets; start `claude-memory serve`, and give its --url")
        try:
            self._connection, self._received = DaemonConnector(os.fspath(data_dir)).connect()
        except BridgeError as error:
            raise Unavailable(str(error)) from None

    def ask(self, method: str, params: dict[str, Any], timeout_s: float) -> dict[str, Any]:
        """Make one request and return its result. Raises Unavailable."""
        try:
            return _exchange(self._connection, self._received, method, params, timeout_s)
        except OSError as error:
            raise _no_answer(error) from error

    def close(self) -> None:
        """Leave."""
        self._connection.close()


def _no_answer(error: Exception) -> Unavailable:
    return Unavailable(f"no answer over the socket ({type(error).__name__}){_SEE_LOG}")


def _exchange(
    connection: socket.socket, received: bytes, method: str, params: dict[str, Any], timeout_s: float
) -> dict[str, Any]:
    """Send a request and return its result; received: what came before."""
    deadline = time.monotonic() + timeout_s
    connection.settimeout(timeout_s)
    connection.sendall(json.dumps(message(method, params)).encode() + b"\n")
    while True:
        *lines, received = received.split(b"\n")
        for line in lines:
            try:
                answer = json.loads(line)
            except ValueError as error:
                raise _no_answer(error) from error
            if answer.get("id") == _ID:
                return result_of(answer)
        connection.settimeout(max(0.001, deadline - time.monotonic()))
        data = connection.recv(65_536)
        if not data:
            raise Unavailable(f"the daemon closed the connection before it answered{_SEE_LOG}")
        received += data


def message(method: str, params: dict[str, Any]) -> dict[str, Any]:
    """Return a request that needs no handshake."""
    return {"jsonrpc": "2.0", "id": _ID, "method": method, "params": {**params, "_meta": META}}


def result_of(answer: dict[str, Any]) -> dict[str, Any]:
    """Return the result of an answer. Raises ServerRefuses with the words of an error."""
    result = answer.get("result")
    if isinstance(result, dict):
        return result
    error = answer.get("error")
    words = error.get("message") if isinstance(error, dict) else None
    raise ServerRefuses(str(words)[:1_000] if words else f"the server answered {json.dumps(error)[:300]}")
