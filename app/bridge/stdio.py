"""Serves MCP over stdin and stdout to one client, through the machine's daemon.

Clients start one bridge for each session, so it must be small and quick: standard library only, one thread, no
asyncio (11 MB, 30 ms). It starts the daemon when none answers.
"""

from __future__ import annotations

import os
import socket
import sys

from app.bridge.protocol import BridgeError
from app.bridge.session import BridgeSession
from app.datadir.folder import data_directory


def main(arguments: list[str]) -> int:
    """Run `claude-memory stdio [--data-dir DIR] [--debug]` and return its exit status."""
    debug = "--debug" in arguments
    try:
        given = _given([argument for argument in arguments if argument != "--debug"])
    except ValueError:
        sys.stderr.write("claude-memory: usage: claude-memory stdio [--data-dir DIR] [--debug]\n")
        return 2
    if not hasattr(socket, "AF_UNIX") or not hasattr(os, "fork"):
        sys.stderr.write(
            "claude-memory: stdio needs a system with Unix sockets; "
            "run `claude-memory serve` here and give the client its address, http://127.0.0.1:8000/mcp\n"
        )
        return 1
    try:
        for descriptor in (0, 1):
            os.fstat(descriptor)
    except OSError:
        sys.stderr.write("claude-memory: stdio needs an open stdin and stdout; an MCP client starts it with both\n")
        return 1
    try:
        data_dir = os.fspath(data_directory(given))
    except RuntimeError:  # ~NAME of an unknown user
        if debug:
            raise
        sys.stderr.write(f"claude-memory: data directory {given}: no such home; choose another with --data-dir\n")
        return 2
    try:
        return BridgeSession(data_dir).run()
    except BridgeError as error:
        if debug:
            raise
        sys.stderr.write(f"claude-memory: {error}\n")
        return 1
    except (BrokenPipeError, KeyboardInterrupt):  # the client went away
        return 0


def _given(arguments: list[str]) -> str | None:
    """Return the data directory that was named, by an argument or else by the environment. Raises ValueError."""
    match arguments:
        case []:
            return os.environ.get("MEMORY_DATA_DIR")
        case ["--data-dir", given] if given:  # an empty name must not mean the default
            return given
        case [argument] if argument.startswith("--data-dir=") and argument != "--data-dir=":
            return argument.removeprefix("--data-dir=")
    raise ValueError
