"""What runs on a data directory: asked over its socket; says so where nothing does. Never takes longer than 5 s."""

from __future__ import annotations

import json
import os
import socket
import time
from pathlib import Path
from typing import Any

from app import __version__
from app.errors import Unavailable
from app.local.bridge import ask, greet
from app.local.folder import socket_path
from app.local.lock import holder

_ASK_TIMEOUT_S, _CALL_TIMEOUT_S = 2.0, 2.5
_PROTOCOL = "2026-07-28"  # needs no handshake


def status(data_dir: Path) -> dict[str, Any]:
    """Return what `claude-memory status --json` prints."""
    told = ask(os.fspath(data_dir), "status", _ASK_TIMEOUT_S)
    index = _size(data_dir / "index")
    if told is None:
        return {
            "running": False,
            "data_dir": os.fspath(data_dir),
            **dict.fromkeys(("pid", "version", "started_at", "url", "socket")),
            "sessions": [],
            "held_by": holder(data_dir),
            "memories": None,
            "database_bytes": _size(data_dir / "postgres"),
            "index_bytes": index,
        }
    numbers: dict[str, Any] = {}
    try:
        answer = call_tool(data_dir, "memory_health", {"detailed": True}, _CALL_TIMEOUT_S)
        numbers = answer.get("numbers") or {}
    except Unavailable:
        pass  # it is starting: then it has none yet
    names = ("memories", "database_bytes", "index_lag_changes", "index_lag_seconds")
    return {"running": True, **told, **{name: numbers.get(name) for name in names}, "index_bytes": index}


def call_tool(data_dir: Path, tool: str, arguments: dict[str, Any], timeout_s: float) -> dict[str, Any]:
    """Call a tool of the running daemon or server as a client would. Raises Unavailable."""
    about = {"name": "claude-memory", "version": __version__}
    meta = {
        "io.modelcontextprotocol/protocolVersion": _PROTOCOL,
        "io.modelcontextprotocol/clientInfo": about,
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    params = {"name": tool, "arguments": arguments, "_meta": meta}
    result = _exchange(data_dir, [{"id": 1, "method": "tools/call", "params": params}], timeout_s)
    structured = result.get("structuredContent")
    if result.get("isError") or not isinstance(structured, dict):
        raise Unavailable(f"{tool}: {json.dumps(result.get('content'))[:300]}")
    return structured


def shake_hands(data_dir: Path, timeout_s: float) -> dict[str, Any]:
    """Send `initialize` as the clients before 2026 do, and return the answer. Raises Unavailable."""
    about = {"name": "claude-memory", "version": __version__}
    params = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": about}
    return _exchange(data_dir, [{"id": 1, "method": "initialize", "params": params}], timeout_s)


def _exchange(data_dir: Path, messages: list[dict[str, Any]], timeout_s: float) -> dict[str, Any]:
    """Send messages and return the result of the one with id 1."""
    deadline = time.monotonic() + timeout_s
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(timeout_s)
            connection.connect(socket_path(data_dir))
            # `passing`: it is no session, and does not keep a daemon from leaving.
            hello = {"bridge": {"version": __version__, "pid": os.getpid(), "passing": True}}
            greeting, received = greet(connection, hello, timeout_s)
            if greeting is None:
                raise Unavailable("the daemon does not greet; see daemon.log")
            for message in messages:
                connection.sendall(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
            while True:
                *lines, received = received.split(b"\n")
                for line in lines:
                    answer = json.loads(line)
                    if answer.get("id") == 1:
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


def _size(folder: Path) -> int | None:
    """Return the bytes that all files below a folder take on the disk; None when it is not there."""
    if not folder.is_dir():
        return None
    size = 0
    for path, _, names in os.walk(folder):
        for name in names:
            try:
                found = os.lstat(os.path.join(path, name))  # noqa: PTH118  ten times as quick as Path
            except OSError:  # it has just gone
                continue
            size += found.st_blocks * 512 if hasattr(found, "st_blocks") else found.st_size  # the index has holes
    return size


def lines(found: dict[str, Any]) -> list[tuple[str, str]]:
    """Return a status as rows for people."""
    if not found["running"]:
        held_by = found["held_by"]
        rows = [("running", f"no, but pid {held_by.get('pid', '?')} holds the data directory" if held_by else "no")]
        rows.append(("data directory", found["data_dir"]))
    else:
        mode = {"daemon": "daemon", "serve": "server"}.get(found["mode"], found["mode"])
        rows = [
            ("running", f"{mode} {found['version']}, pid {found['pid']}, {found['status']}"),
            ("since", found["started_at"]),
            ("data directory", found["data_dir"]),
            ("HTTP", found["url"] or "none: bridges only"),
            ("socket", found["socket"]),
        ]
        sessions = [
            f"{one['client'] or '?'} for {one.get('user', '?')} (pid {one['pid']}, since {one['since']})"
            for one in found["sessions"]
        ]
        rows.append(("sessions", "\n".join(sessions) or "none"))
        rows += [
            (name, f"{part['status']}: {part['detail']}")
            for name, part in found["components"].items()
            if part["detail"]
        ]
        if found["memories"] is not None:
            rows.append(("memories", f"{found['memories']:,}"))
        if found["index_lag_changes"] is not None:
            changes, seconds = found["index_lag_changes"], found["index_lag_seconds"]
            rows.append(("index lag", f"{changes:,} changes, {seconds:.1f} s"))
    for name in ("database", "index"):
        if found[f"{name}_bytes"] is not None:
            rows.append((name, f"{found[f'{name}_bytes'] / 1e6:,.1f} MB"))
    return rows
