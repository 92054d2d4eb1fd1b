"""What the SDK's server says, whose memories a call sees, and how errors reach a client."""

from __future__ import annotations

import pytest
from mcp import Client, MCPError

from app import __version__
from app.errors import StoreUnavailable
from app.memory.types import Scope
from app.runtime.runtime import Runtime
from app.serve.mcp import build_server
from app.serve.mcp import server as module
from app.serve.mcp.server import call, scope_of


async def test_a_client_learns_what_the_server_is_for(runtime: Runtime) -> None:
    async with Client(build_server(runtime)) as client:
        assert client.instructions == module.INSTRUCTIONS + module.OF_PROJECTS
        assert client.server_info is not None
        assert (client.server_info.title, client.server_info.version) == ("Claude Memory", __version__)


async def test_a_tools_answer_is_there_as_text_and_as_structure(runtime: Runtime) -> None:
    answer = await call(runtime, Scope("ann"), "memorize", {"text": "tea"})

    assert (answer["isError"], answer["structuredContent"]["created"]) == (False, True)
    assert answer["structuredContent"]["id"] in answer["content"][0]["text"]


async def test_an_error_is_an_answer_with_its_code(runtime: Runtime) -> None:
    answer = await call(runtime, Scope("ann"), "memorize", {"text": ""})

    assert answer["isError"]
    assert answer["content"][0]["text"].startswith("invalid_input: text: got ''")
    assert "structuredContent" not in answer


@pytest.mark.parametrize(("uri", "code"), [("claude://memory/nothing", -32_602), ("claude://memory/items/x", -32_602)])
async def test_a_resource_that_is_wrong_is_an_error_of_the_protocol(runtime: Runtime, uri: str, code: int) -> None:
    async with Client(build_server(runtime)) as client:
        with pytest.raises(MCPError) as error:
            await client.read_resource(uri)

    assert error.value.error.code == code


async def test_a_resource_that_cannot_be_read_now_is_an_error_of_the_server(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*arguments: object) -> None:
        raise StoreUnavailable("PostgreSQL does not answer")

    monkeypatch.setattr("app.serve.mcp.resources.read", away)
    async with Client(build_server(runtime)) as client:
        with pytest.raises(MCPError, match="PostgreSQL does not answer") as error:
            await client.read_resource("claude://memory/stats")

    assert (error.value.error.code, error.value.error.data) == (
        -32_603,
        {"code": "store_unavailable", "uri": "claude://memory/stats"},
    )


class Context:
    """A call, as far as its scope is concerned."""

    def __init__(self, request: object, client: str | None = None) -> None:
        self.request = request
        named = type("Named", (), {"client_info": type("Info", (), {"name": client})})
        self.session = type("Session", (), {"client_params": None if client is None else named})


def test_over_the_socket_the_scope_came_with_the_call(runtime: Runtime) -> None:
    scope = Scope("ann", "claude")

    assert scope_of(runtime, Context(scope)) is scope  # type: ignore[arg-type]


def test_over_http_it_was_made_at_the_door_and_gets_the_clients_name(runtime: Runtime) -> None:
    request = type("Request", (), {"scope": {"state": {"scope": Scope("ann", permissions=frozenset({"read"}))}}})

    assert scope_of(runtime, Context(request, "Zed")) == Scope("ann", "Zed", frozenset({"read"}))  # type: ignore[arg-type]


def test_without_a_door_it_is_the_default_user(runtime: Runtime) -> None:
    assert scope_of(runtime, Context(None)).user == runtime.settings.default_user_id  # type: ignore[arg-type]
