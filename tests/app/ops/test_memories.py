"""Memories of a server: pages become one list, and what is no answer of ours is an error."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from app.errors import Unavailable
from app.ops.memories import MemoryServer, elsewhere
from app.settings.fields import Settings
from tests.support.answering import answering


class Pages:
    """A server with so many memories, which lists at most three at once."""

    def __init__(self, memories: int) -> None:
        self.memories = memories
        self.queries: list[dict[str, str]] = []

    def ask(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """Answer a reading of the newest."""
        assert method == "resources/read"
        query = dict(parse_qsl(urlsplit(params["uri"]).query))
        self.queries.append(query)
        first, wanted = int(query.get("skip", 0)), int(query["limit"])
        page = [{"id": number} for number in range(self.memories)][first : first + min(wanted, 3)]
        truncated = len(page) < min(wanted, self.memories - first)
        return {"contents": [{"text": json.dumps({"memories": page, "truncated": truncated})}]}


@pytest.mark.parametrize(
    ("memories", "limit", "asked"), [(0, 5, 1), (2, 5, 1), (7, 7, 3), (7, 100, 3), (9, 100, 3), (7, 4, 2), (2, 2, 1)]
)
def test_pages_are_read_until_there_are_enough_or_no_more(memories: int, limit: int, asked: int) -> None:
    pages = Pages(memories)

    assert MemoryServer(pages.ask).newest(limit) == [{"id": number} for number in range(min(memories, limit))]
    assert len(pages.queries) == asked


def test_a_list_says_which_and_leaves_out_what_is_not_given() -> None:
    pages = Pages(1)

    MemoryServer(pages.ask).newest(5, project="a/b&c", kinds=None, archived=True)
    MemoryServer(pages.ask).newest(5, archived=False)

    assert pages.queries == [{"project": "a/b&c", "archived": "True", "limit": "5"}, {"limit": "5"}]


def test_arguments_that_are_not_given_do_not_reach_the_server() -> None:
    asked: list[Any] = []

    def ask(method: str, params: dict[str, Any]) -> dict[str, Any]:
        asked.append((method, params))
        return {"structuredContent": {}}

    MemoryServer(ask).call("memorize", {"text": "a", "kind": None, "archived": False})

    assert asked == [("tools/call", {"name": "memorize", "arguments": {"text": "a", "archived": False}})]


@pytest.mark.parametrize(
    "result", [{}, {"contents": []}, {"contents": [{"text": "<html>"}]}, {"contents": [{"text": "1"}]}]
)
def test_what_is_no_resource_is_an_error(result: dict[str, Any]) -> None:
    with pytest.raises(Unavailable, match="something else than a JSON object"):
        MemoryServer(lambda method, params: result).memory("an id")


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"1"])
def test_what_is_no_mcp_is_an_error_and_a_result_is_returned(plain_settings: Settings, body: bytes) -> None:
    with answering() as server:
        server.body = b'{"jsonrpc": "2.0", "id": 1, "result": {"structuredContent": {"a": 1}}}'
        assert elsewhere(plain_settings, f"{server.url}/mcp").call("t", {}) == {"a": 1}
        assert server.asked[0].path == "/mcp"
        server.body = body
        with pytest.raises(Unavailable, match=r"not with MCP|answered null"):
            elsewhere(plain_settings, server.url).call("t", {})
