"""No row crosses users: every tool and every resource over real HTTP, with another user's token and ids."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from app.access.tokens import digest, new_token
from app.memory.types import Scope
from app.ops import exporting
from app.ops.progress import Bar
from app.serve.mcp.tools import TOOLS
from app.store.database import Database
from app.store.tokens import Tokens
from tests.support.crossing import CONVERSE, MEMORIZE, Belongings, attempts, leaked, uris
from tests.support.serving import MCP_HEADERS, Server, SseStream, serving

Reply = dict[str, Any]


@pytest.fixture
def tokens(database: Database) -> Callable[..., Awaitable[str]]:
    """Make tokens in the server's database."""

    async def make(user: str, *scopes: str) -> str:
        value = new_token()
        await Tokens(database).create(digest(value), user, scopes or ("read", "write", "admin"), None)
        return value

    return make


@pytest.fixture
async def server(
    tmp_path: Path, connect_arguments: dict[str, Any], tokens: Callable[..., Awaitable[str]]
) -> AsyncIterator[Server]:
    host = quote(str(connect_arguments["host"]), safe="")
    url = (
        f"postgresql:///{connect_arguments['database']}?host={host}&port={connect_arguments['port']}"
        f"&user={connect_arguments['user']}"
    )
    await tokens("nobody")
    running = serving(tmp_path / "data", AUTH="required", RATE_LIMIT_PER_MINUTE="0", DATABASE_URL=url)
    server = await asyncio.to_thread(running.__enter__)
    yield server
    await asyncio.to_thread(running.__exit__, None, None, None)


def send(server: Server, token: str, method: str, **params: Any) -> Reply:
    message = {"jsonrpc": "2.0", "id": 7, "method": method, "params": params}
    headers = {**MCP_HEADERS, "Authorization": f"Bearer {token}"}
    answer = server.request("POST", "/mcp", message, headers)
    status, body = answer[0], dict(answer[2])
    assert status == 200 or "error" in body, body
    return body


def call(server: Server, token: str, tool: str, arguments: dict[str, Any]) -> Reply:
    result: dict[str, Any] = send(server, token, "tools/call", name=tool, arguments=arguments)["result"]
    return result


def fill(server: Server, token: str) -> Belongings:
    memory = call(server, token, "memorize", MEMORIZE)["structuredContent"]["id"]
    call(server, token, "memorize_conversation", CONVERSE)
    found = call(server, token, "search_memory", {"query": "quinces", "kinds": ["turn"]})
    return Belongings(memory, found["structuredContent"]["results"][0]["id"])


async def exported(database: Database, user: str) -> bytes:
    out = io.BytesIO()
    await exporting.write(database, Scope(user), out, project=None, bar=Bar("exporting"))
    return out.getvalue()


async def test_every_tool_and_resource_tried_by_another_user_gives_and_changes_nothing(
    server: Server, database: Database, tokens: Callable[..., Awaitable[str]]
) -> None:
    her_token, thief = await tokens("hildegard"), await tokens("mallory")
    hers = await asyncio.to_thread(fill, server, her_token)
    before = await exported(database, "hildegard")
    assert before.count(b"marker") == 2

    def attack() -> dict[str, list[Reply]]:
        replies: dict[str, list[Reply]] = {}
        for tool, calls in attempts(hers).items():
            replies[tool] = [call(server, thief, tool, arguments) for arguments in calls]
            for arguments, reply in zip(calls, replies[tool], strict=True):
                assert leaked(reply, arguments) == [], (tool, arguments, reply)
        for uri in uris(hers):
            reply = send(server, thief, "resources/read", uri=uri)
            assert leaked(reply, uri) == [], (uri, reply)
        return replies

    assert attempts(hers).keys() == TOOLS.keys(), "a tool without attempts: write them in tests/support/crossing.py"
    replies = await asyncio.to_thread(attack)

    for tool in ("search_memory", "search_across_projects"):
        assert [reply["structuredContent"]["results"] for reply in replies[tool]] == [[]] * len(replies[tool])
    assert [reply["structuredContent"]["sources"] for reply in replies["recall_context"]] == [[], []]
    assert [reply["structuredContent"]["memories"] for reply in replies["memory_stats"]] == [0, 0]
    assert all(reply["isError"] for reply in replies["update_memory"])
    assert replies["memorize_conversation"][0]["structuredContent"]["stored"] == 1, "his own, of the same name"
    forgotten = [reply["structuredContent"]["forgotten"] for reply in replies["forget_memory"]]
    assert forgotten == [0, 0, 1, 1, 0], "his own alone: the turn, the note"
    assert await exported(database, "hildegard") == before


async def test_her_own_token_is_given_what_the_others_is_not(
    server: Server, tokens: Callable[..., Awaitable[str]]
) -> None:
    """The attempts are no empty ones: for her they find everything."""
    her_token = await tokens("hildegard")
    hers = await asyncio.to_thread(fill, server, her_token)

    def ask() -> None:
        for tool in ("search_memory", "recall_context", "search_across_projects"):
            for arguments in attempts(hers)[tool]:
                if arguments.get("archived"):
                    continue  # nothing of hers is
                assert leaked(call(server, her_token, tool, arguments), {}), (tool, arguments)
        found = [uri for uri in uris(hers) if leaked(send(server, her_token, "resources/read", uri=uri), uri)]
        # stats, recent (also of the project, and more of them), projects; project, conversation, item, item
        assert len(found) == 9, found

    await asyncio.to_thread(ask)


async def test_the_same_text_of_two_users_is_no_duplicate(
    server: Server, tokens: Callable[..., Awaitable[str]]
) -> None:
    """Or an answer would tell that somebody has it."""

    def memorize(token: str) -> Reply:
        return dict(call(server, token, "memorize", MEMORIZE)["structuredContent"])

    hers = await asyncio.to_thread(memorize, await tokens("hildegard"))
    his = await asyncio.to_thread(memorize, await tokens("mallory"))

    assert (his["created"], his["duplicate"]) == (True, False)
    assert his["id"] != hers["id"]


@pytest.mark.parametrize("scopes", [("read",), ("write",), ("admin",)], ids=lambda scopes: scopes[0])
async def test_a_token_opens_what_its_scopes_allow_and_nothing_else(
    server: Server, tokens: Callable[..., Awaitable[str]], scopes: tuple[str, ...]
) -> None:
    hers = await asyncio.to_thread(fill, server, await tokens("hildegard"))
    token = await tokens("hildegard", *scopes)

    def outcome(tool: str, arguments: dict[str, Any]) -> bool:
        reply = call(server, token, tool, arguments)
        refused = reply["isError"] and reply["content"][0]["text"].startswith("not_permitted:")
        assert not refused or not leaked(reply, arguments)
        return not refused

    def try_all() -> None:
        for tool, calls in attempts(hers).items():
            assert outcome(tool, calls[0]) is (TOOLS[tool].needs in scopes), tool
        for uri in uris(hers):
            body = send(server, token, "resources/read", uri=uri)
            refused = body.get("error", {}).get("data", {}).get("code") == "not_permitted"
            assert refused is ("read" not in scopes), (uri, body)
        status, _, _ = server.request("GET", "/metrics", headers={"Authorization": f"Bearer {token}"})
        assert status == (200 if "admin" in scopes else 403)

    await asyncio.to_thread(try_all)


async def test_another_user_cannot_post_into_an_open_session(
    server: Server, tokens: Callable[..., Awaitable[str]]
) -> None:
    her_token, thief = await tokens("hildegard"), await tokens("mallory")

    def attack() -> tuple[int, Any]:
        stream = SseStream(server.port, {"Authorization": f"Bearer {her_token}"})
        try:
            path = stream.messages_path()
            message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
            headers = {"Content-Type": "application/json", "Authorization": f"Bearer {thief}"}
            status, _, body = server.request("POST", path, message, headers)
            return status, body
        finally:
            stream.close()

    status, body = await asyncio.to_thread(attack)
    assert status in (403, 404), json.dumps(body)
