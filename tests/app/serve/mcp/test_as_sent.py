"""Arguments in foreign forms get past the SDK, over every transport that it serves."""

from __future__ import annotations

from typing import Any

from app.runtime.runtime import Runtime
from tests.support.mcp import asked


async def test_the_arguments_of_a_tool_may_be_json_text(runtime: Runtime) -> None:
    result = await asked(runtime, "tools/call", {"name": "memorize", "arguments": '{"text": "Ann likes apples."}'})

    assert result["structuredContent"]["created"] is True


async def test_null_is_no_arguments(runtime: Runtime) -> None:
    assert (await asked(runtime, "tools/call", {"name": "memory_stats", "arguments": None}))["isError"] is False


async def test_the_arguments_of_a_prompt_may_be_null_numbers_and_strangers(runtime: Runtime) -> None:
    arguments: dict[str, Any] = {"subject": 2024, "project": None, "toolCallId": "x", "_meta": {}}

    result = await asked(runtime, "prompts/get", {"name": "recall", "arguments": arguments})

    assert "'2024'" in result["messages"][0]["content"]["text"]


async def test_what_is_no_object_is_still_refused(runtime: Runtime) -> None:
    refused = await asked(runtime, "tools/call", {"name": "memory_stats", "arguments": "nonsense"})

    assert refused["code"] == -32602
