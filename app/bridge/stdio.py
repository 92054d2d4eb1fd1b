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
    given = os.environ.get("MEMORY_DATA_DIR")
    debug = "--debug" in arguments
    arguments = [argument for argument in arguments if argument != "--debug"]
    if len(arguments) == 2 and arguments[0] == "--data-dir":
        given = arguments[1]
    elif len(arguments) == 1 and arguments[0].startswith("--data-dir="):
        given = arguments[0].partition("=")[2]
    elif arguments:
        given = ""
    if arguments and not given:  # an empty name must not mean the default
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
