"""Memories as a client of a server has them: the one on this machine, over its socket, or one elsewhere, over HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from app.bridge.calls import StartedServer, message, resource, result_of, structured
from app.endpoints import MCP
from app.errors import Unavailable
from app.ops.remote import post
from app.settings.fields import Settings

_ANSWER_TIMEOUT_S = 60.0  # a call may wait for a server that is starting
_PAGE = 500  # the most that a server lists at once

Memory = dict[str, Any]  # as a server shows it


class MemoryServer:
    """A server that answers MCP. ask: makes one request and returns its result."""

    def __init__(self, ask: Callable[[str, dict[str, Any]], dict[str, Any]]) -> None:
        self._ask = ask

    def call(self, tool: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Call a tool and return its result; arguments of None are left out. Raises Unavailable."""
        given = {name: value for name, value in arguments.items() if value is not None}
        return structured(tool, self._ask("tools/call", {"name": tool, "arguments": given}))

    def memory(self, id_: str) -> Memory:
        """Return one memory, whole. Raises Unavailable."""
        return self._read(f"items/{quote(id_, safe='')}")

    def newest(self, limit: int, **which: Any) -> list[Memory]:
        """Return the newest memories, newest first. which: of a project, of some kinds, archived ones."""
        memories: list[Memory] = []
        while len(memories) < limit:
            query = {**which, "limit": min(limit - len(memories), _PAGE), "skip": len(memories)}
            page = self._read(f"recent?{urlencode({name: value for name, value in query.items() if value})}")
            memories += page["memories"]
            if (not page["truncated"] and len(page["memories"]) < query["limit"]) or not page["memories"]:
                break
        return memories

    def _read(self, path: str) -> dict[str, Any]:
        uri = f"claude://memory/{path}"
        return resource(uri, self._ask("resources/read", {"uri": uri}))


@contextmanager
def on_this_machine(data_dir: Path) -> Iterator[MemoryServer]:
    """Yield the server of a data directory; start a daemon if none runs. Raises Unavailable."""
    server = StartedServer(data_dir)
    try:
        yield MemoryServer(lambda method, params: server.ask(method, params, _ANSWER_TIMEOUT_S))
    finally:
        server.close()


def elsewhere(settings: Settings, url: str) -> MemoryServer:
    """Return the server at a URL, with or without the path of MCP; it gets MEMORY_TOKEN if that is set."""
    base = url.removesuffix(MCP)

    def ask(method: str, params: dict[str, Any]) -> dict[str, Any]:
        body = post(settings, base, MCP, message(method, params), read_timeout_s=_ANSWER_TIMEOUT_S)
        try:
            answer = dict(json.loads(body))
        except (TypeError, ValueError) as error:
            raise Unavailable(f"{base} answers, but not with MCP; is it a claude-memory?") from error
        return result_of(answer)

    return MemoryServer(ask)
