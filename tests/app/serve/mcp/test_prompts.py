"""The prompts: texts that tell a model which tools to call."""

from __future__ import annotations

from typing import Any

import pytest
from mcp import Client, MCPError
from mcp.types import TextContent

from app.runtime.runtime import Runtime
from app.serve.mcp import build_server
from app.serve.mcp.tools import TOOLS


async def text_of(runtime: Runtime, name: str, **arguments: str) -> str:
    async with Client(build_server(runtime)) as client:
        [message] = (await client.get_prompt(name, arguments)).messages
    assert message.role == "user"
    assert isinstance(message.content, TextContent)
    return message.content.text


async def refused(runtime: Runtime, name: str, **arguments: str) -> str:
    async with Client(build_server(runtime)) as client:
        with pytest.raises(MCPError) as error:
            await client.get_prompt(name, arguments)
    return str(error.value)


async def test_the_prompts_are_those_of_the_contract(runtime: Runtime) -> None:
    async with Client(build_server(runtime)) as client:
        prompts = (await client.list_prompts()).prompts

    assert [prompt.name for prompt in prompts] == ["recall", "remember_this_conversation"]
    assert all(prompt.description and all(one.description for one in prompt.arguments or ()) for prompt in prompts)


async def test_recall_names_its_tool_the_subject_and_the_project(runtime: Runtime) -> None:
    text = await text_of(runtime, "recall", subject="the boat's name", project="sea")

    assert "recall_context" in text
    assert '"the boat\'s name"' in text
    assert "project 'sea'" in text


async def test_without_a_project_none_is_mentioned(runtime: Runtime) -> None:
    assert "project" not in await text_of(runtime, "recall", subject="boats")


async def test_remember_this_conversation_names_tools_that_there_are(runtime: Runtime) -> None:
    text = await text_of(runtime, "remember_this_conversation", project="sea")

    assert {name for name in TOOLS if name in text} == {"memorize", "memorize_conversation"}
    assert "project 'sea'" in text


@pytest.mark.parametrize(
    ("name", "arguments", "says"),
    [
        pytest.param("forget", {}, "prompt: got 'forget', takes one of recall, remember_this", id="unknown prompt"),
        pytest.param("recall", {}, "subject: got '', takes what to recall", id="no subject"),
        pytest.param("recall", {"subject": "  "}, "subject: got '  ', takes what to recall", id="blank subject"),
        pytest.param("recall", {"subject": "a", "x": "y"}, "x: got 'y', takes no such argument", id="unknown argument"),
    ],
)
async def test_bad_input_is_named(runtime: Runtime, name: str, arguments: dict[str, Any], says: str) -> None:
    assert says in await refused(runtime, name, **arguments)
