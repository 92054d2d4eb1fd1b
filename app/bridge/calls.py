"""Calls a tool of the running daemon or server over its socket, as a client's bridge would."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path
from typing import Any

from app import __version__
from app.bridge.protocol import about_us, greet
from app.datadir.folder import socket_path
from app.errors import Unavailable

_META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",  # needs no handshake
    "io.modelcontextprotocol/clientInfo": {"name": "claude-memory", "version": __version__},
    "io.modelcontextprotocol/clientCapabilities": {},
}


def call_tool(data_dir: Path, tool: str, arguments: dict[str, Any], timeout_s: float) -> dict[str, Any]:
    """Call a tool and return its structured result. Raises Unavailable."""
    params = {"name": tool, "arguments": arguments, "_meta": _META}
    result = _ask(data_dir, {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}, timeout_s)
    structured = result.get("structuredContent")
    if result.get("isError") or not isinstance(structured, dict):
        raise Unavailable(f"{tool}: {json.dumps(result.get('content'))[:300]}")
    return structured


def _ask(data_dir: Path, request: dict[str, Any], timeout_s: float) -> dict[str, Any]:
    """Send a request and return its result."""
    deadline = time.monotonic() + timeout_s
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(timeout_s)
            connection.connect(socket_path(data_dir))
            # `passing`: not a session, so it does not keep a daemon alive.
            greeting, received = greet(connection, {"bridge": {**about_us(), "passing": True}}, timeout_s)
            if greeting is None:
                raise Unavailable("the daemon does not answer the greeting; see daemon.log")
            if refused := greeting.get("refused"):
                raise Unavailable(f"the daemon refuses this client: {refused}")
            connection.sendall(json.dumps(request).encode() + b"\n")
            while True:
                *lines, received = received.split(b"\n")
                for line in lines:
                    answer = json.loads(line)
                    if answer.get("id") == request["id"]:
                        return _result(answer)
                connection.settimeout(max(0.001, deadline - time.monotonic()))
                data = connection.recv(65_536)
                if not data:
                    raise Unavailable("the daemon closed the connection before it answered; see daemon.log")
                received += data
    except (OSError, ValueError) as error:
        raise Unavailable(f"no answer over the socket ({type(error).__name__}); see daemon.log") from error


def _result(answer: dict[str, Any]) -> dict[str, Any]:
    result = answer.get("result")
    if not isinstance(result, dict):
        raise Unavailable(f"the daemon answered {json.dumps(answer.get('error'))[:300]}")
    return result
