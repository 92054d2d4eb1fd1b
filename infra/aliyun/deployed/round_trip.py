"""A real use of a deployed memory: remember a text, find it, forget it, each step with its time.

A memory that cannot forget, as one at memU, is only searched: the text would stay there.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from app import __version__
from infra.aliyun.deployed.conversation import Conversation, Json, NoConversation

PROTOCOL = "2025-06-18"
PROJECT = "claude-memory-probe"  # what is remembered is kept apart, and forgotten at the end
_NEEDED = ("memorize", "search_memory")
_FORGET = "forget_memory"  # not offered where memU holds the memories


@dataclass(frozen=True)
class Step:
    """what was done, in how many seconds, and what came back."""

    what: str
    seconds: float
    found: str


def walk(open_conversation: Callable[[], Conversation]) -> Iterator[Step]:
    """Yield the steps as they are done. Raises NoConversation at the first that fails."""
    began_s = time.monotonic()
    conversation = open_conversation()
    try:
        yield Step("connect", time.monotonic() - began_s, "open")
        yield from _Walk(conversation).steps()
    finally:
        conversation.close()


class _Walk:
    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self._text = f"Probe {secrets.token_hex(8)}: written and forgotten again by python -m infra.aliyun invoke."

    def steps(self) -> Iterator[Step]:
        yield self._timed("initialize", self._hello)
        offered: set[str] = set()
        yield self._timed("tools/list", lambda: self._tools(offered))
        if _FORGET not in offered:
            yield self._timed("search_memory", self._search_alone)
            return
        ids: list[str] = []
        yield self._timed("memorize", lambda: self._memorize(ids))
        try:
            yield self._timed("search_memory", lambda: self._search(ids[0]))
        except BaseException:
            with suppress(NoConversation):  # what came first is why it does not work; the text expires in a day
                self._forget(ids[0])
            raise
        yield self._timed("forget_memory", lambda: self._forget(ids[0]))

    def _timed(self, what: str, do: Callable[[], str]) -> Step:
        began_s = time.monotonic()
        found = do()
        return Step(what, time.monotonic() - began_s, found)

    def _hello(self) -> str:
        client = {"name": "claude-memory-invoke", "version": __version__}
        params = {"protocolVersion": PROTOCOL, "capabilities": {}, "clientInfo": client}
        told = self._conversation.call("initialize", params)
        self._conversation.notify("notifications/initialized")
        server = told.get("serverInfo") or {}
        return f"{server.get('name')} {server.get('version')}, protocol {told.get('protocolVersion')}"

    def _tools(self, offered: set[str]) -> str:
        names = {str(tool.get("name")) for tool in self._conversation.call("tools/list", {}).get("tools") or []}
        missing = [name for name in _NEEDED if name not in names]
        if missing:
            raise NoConversation(f"the server has no tool {missing[0]}: it is another MCP server, or the token may not")
        offered |= names
        return f"{len(names)} tools"

    def _memorize(self, ids: list[str]) -> str:
        told = self._use("memorize", {"text": self._text, "project": PROJECT, "expires_in_days": 1})
        ids.append(str(told["id"]))
        return ids[0]

    def _search(self, id_: str) -> str:
        told = self._use("search_memory", {"query": self._text, "project": PROJECT, "limit": 5})
        if id_ not in [one.get("id") for one in told.get("results") or []]:
            raise NoConversation("search_memory did not find what was just remembered; `memory_health` says why")
        return "found by words alone" if told.get("degraded") else "found"

    def _search_alone(self) -> str:
        told = self._use("search_memory", {"query": self._text, "limit": 1})
        if reason := told.get("reason"):
            raise NoConversation(f"search_memory: {reason}")
        return "answered; nothing was remembered, because this memory cannot forget it"

    def _forget(self, id_: str) -> str:
        self._use("forget_memory", {"ids": [id_]})
        return "forgotten"

    def _use(self, tool: str, arguments: Json) -> Json:
        told = self._conversation.call("tools/call", {"name": tool, "arguments": arguments})
        structured = told.get("structuredContent")
        if told.get("isError") or not isinstance(structured, dict):
            parts: list[Any] = told.get("content") or []
            said = " ".join(str(part.get("text", "")) for part in parts if isinstance(part, dict))
            raise NoConversation(f"{tool}: {' '.join(said.split())[:300] or 'no answer that can be read'}")
        return structured
