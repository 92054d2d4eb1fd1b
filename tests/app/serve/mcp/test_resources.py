"""The resources under claude://memory/: JSON within the budget, of the asker alone."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest
from mcp import Client, MCPError
from mcp.types import Resource, ResourceTemplate, TextResourceContents

from app.errors import NotPermitted
from app.memory.budget import tokens
from app.memory.types import Scope
from app.runtime.runtime import Runtime
from app.serve.mcp import build_server, resources
from app.settings.fields import Settings
from tests.support.mcp import call, running

BASE = "claude://memory/"


async def read(runtime: Runtime, path: str) -> Any:
    async with Client(build_server(runtime)) as client:
        [content] = (await client.read_resource(BASE + path)).contents
    assert content.mime_type == "application/json"
    assert isinstance(content, TextResourceContents)
    return json.loads(content.text)


async def refused(runtime: Runtime, uri: str) -> str:
    async with Client(build_server(runtime)) as client:
        with pytest.raises(MCPError) as error:
            await client.read_resource(uri)
    return str(error.value)


async def test_the_resources_and_templates_are_those_of_the_contract(runtime: Runtime) -> None:
    async with Client(build_server(runtime)) as client:
        fixed = (await client.list_resources()).resources
        templates = (await client.list_resource_templates()).resource_templates

    assert [one.uri for one in fixed] == [BASE + name for name in ("stats", "recent", "projects")]
    assert [one.uri_template for one in templates] == [
        BASE + "projects/{project}",
        BASE + "conversations/{id}",
        BASE + "items/{id}",
    ]
    listed: list[Resource | ResourceTemplate] = [*fixed, *templates]
    assert all(one.description and one.mime_type == "application/json" for one in listed)


async def test_every_listed_resource_can_be_read_when_there_is_nothing_yet(runtime: Runtime) -> None:
    assert (await read(runtime, "stats"))["memories"] == 0
    assert await read(runtime, "recent") == {"memories": [], "truncated": False}
    assert await read(runtime, "projects") == {"projects": {}, "truncated": False}


async def test_an_item_shows_all_of_a_memory(runtime: Runtime) -> None:
    id_ = (await call(runtime, "memorize", text="apple 茶", kind="fact", tags=["x"], metadata={"a": [1]}))["id"]

    item = await read(runtime, f"items/{id_}")

    assert (item["id"], item["text"], item["kind"], item["tags"]) == (id_, "apple 茶", "fact", ["x"])
    assert (item["metadata"], item["version"], item["archived_at"]) == ({"a": [1]}, 1, None)


async def test_a_conversation_comes_in_its_order(runtime: Runtime) -> None:
    messages = [{"role": "user", "content": text} for text in ("one", "two", "three")]
    await call(runtime, "memorize_conversation", messages=messages, conversation_id="talk")

    body = await read(runtime, "conversations/talk")

    assert [one["text"] for one in body["memories"]] == ["one", "two", "three"]


async def test_recent_has_the_twenty_newest_first(runtime: Runtime) -> None:
    for number in range(25):
        await call(runtime, "memorize", text=f"note {number}")

    body = await read(runtime, "recent")

    assert [one["text"] for one in body["memories"]] == [f"note {number}" for number in range(24, 4, -1)]


async def test_recent_can_be_limited_paged_and_of_the_archive(runtime: Runtime) -> None:
    ids = [
        (await call(runtime, "memorize", text=f"note {number}", kind=kind, project="a/b&c?d"))["id"]
        for number, kind in enumerate(("fact", "note", "note"))
    ]
    await call(runtime, "update_memory", id=ids[1], archived=True)

    async def listed(query: str) -> list[int]:
        return [ids.index(one["id"]) for one in (await read(runtime, f"recent?{query}"))["memories"]]

    assert await listed("limit=1") == [2]
    assert await listed("limit=2&skip=1") == [0]
    assert await listed("kinds=fact,decision") == [0]
    assert await listed(f"project={quote('a/b&c?d', safe='')}&archived=true") == [1]
    assert await listed("project=other") == []
    assert await listed("") == [2, 0]


async def test_a_memory_longer_than_a_reply_is_cut_instead_of_hiding_all_others(
    plain_settings: Settings, connect_arguments: dict[str, Any]
) -> None:
    settings = plain_settings.model_copy(update={"reply_token_budget": 500})
    async with running(settings, connect_arguments) as runtime:
        await call(runtime, "memorize", text="apple " * 1_000)
        body = await read(runtime, "recent")

    assert body["truncated"] is True
    assert "… [cut; the whole is in claude://memory/items/" in body["memories"][0]["text"]


@pytest.mark.parametrize("name", ["shop", "a b", "客户/订单", "100%", "a?b#c", "ünï"])
async def test_projects_are_listed_and_read_whatever_their_name(runtime: Runtime, name: str) -> None:
    await call(runtime, "memorize", text="apple", project=name)
    await call(runtime, "memorize", text="no project")

    assert (await read(runtime, "projects"))["projects"] == {name: 1}
    body = await read(runtime, "projects/" + quote(name, safe=""))
    assert (body["project"], [one["text"] for one in body["memories"]]) == (name, ["apple"])


async def test_a_project_is_read_by_its_name_in_another_unicode_form(runtime: Runtime) -> None:
    await call(runtime, "memorize", text="apple", project="Caf\u00e9")

    body = await read(runtime, "projects/" + quote(" Cafe\u0301"))

    assert (body["project"], len(body["memories"])) == ("Caf\u00e9", 1)


@pytest.mark.parametrize(
    ("uri", "says"),
    [
        pytest.param(BASE + "nothing", "no such resource; there are claude://memory/stats", id="unknown"),
        pytest.param(BASE + "stats/more", "no such resource; there are", id="below a fixed one"),
        pytest.param(BASE + "items", "no such resource; there are", id="a template without its name"),
        pytest.param(BASE + "recent/more", "no such resource; there are", id="below the newest"),
        pytest.param(BASE + "recent?limit=0", "limit: got 0, takes a whole number from 1 to 500", id="wrong limit"),
        pytest.param(BASE + "recent?order=old", "order: got 'old', takes no such argument", id="unknown argument"),
        pytest.param("file:///etc/passwd", "no such resource; there are", id="another scheme"),
        pytest.param(
            BASE + "projects/unknown", "project 'unknown': no such project with memories", id="unknown project"
        ),
        pytest.param(
            BASE + "conversations/unknown", "conversation 'unknown': no conversation", id="unknown conversation"
        ),
        pytest.param(BASE + f"items/{uuid4()}", "no memory has this id; search_memory gives ids", id="unknown item"),
        pytest.param(BASE + "items/17", "id: got '17', takes the id of a memory", id="no id"),
        pytest.param(BASE + "projects/a%00b", "no such resource; there are", id="NUL in a project"),
        pytest.param(BASE + "conversations/%00", "no such resource; there are", id="NUL in a conversation"),
    ],
)
async def test_what_is_not_there_is_said_with_what_there_is(runtime: Runtime, uri: str, says: str) -> None:
    assert says in await refused(runtime, uri)


async def test_another_users_memories_are_not_there(runtime: Runtime) -> None:
    id_ = (await call(runtime, "memorize", text="apple", project="p"))["id"]
    stranger = Scope("stranger")

    from app.errors import NotFound

    for path in (f"items/{id_}", "projects/p"):
        with pytest.raises(NotFound):
            await resources.read(runtime, stranger, BASE + path)
    recent = await resources.read(runtime, stranger, BASE + "recent")
    assert json.loads(recent.model_dump()["contents"][0]["text"])["memories"] == []


async def test_reading_needs_the_scope_read(runtime: Runtime) -> None:
    with pytest.raises(NotPermitted, match="does not have the scope 'read'"):
        await resources.read(runtime, Scope("alice", permissions=frozenset({"write"})), BASE + "stats")


async def test_long_lists_are_cut_to_the_budget_at_item_borders(
    plain_settings: Settings, connect_arguments: dict[str, Any]
) -> None:
    settings = plain_settings.model_copy(update={"reply_token_budget": 1_000})
    async with running(settings, connect_arguments) as runtime:
        for number in range(20):
            project = f"project {number} " + "x" * 180
            await call(runtime, "memorize", text=f"note {number} " * 20, project=project)
        messages = [{"role": "user", "content": f"message {n} " * 10, "id": str(n)} for n in range(30)]
        await call(runtime, "memorize_conversation", messages=messages, conversation_id="talk", project="p")

        for path in ("recent", "projects/p", "conversations/talk", "projects", "stats"):
            body = await read(runtime, path)
            assert tokens(json.dumps(body, ensure_ascii=False, separators=(",", ":"))) <= 1_000, path
            assert body["truncated"], path
            assert body.get("memories") or body.get("projects") or body.get("by_project"), path
