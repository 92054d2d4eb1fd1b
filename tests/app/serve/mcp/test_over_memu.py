"""The tools where memU holds the memories, and where each write goes to both, as a client sees them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from mcp import Client
from mcp.types import TextContent
from pydantic import SecretStr

from app.memu.limits import OFFERED
from app.runtime.runtime import Runtime
from app.serve.mcp import build_server
from app.serve.mcp.tools import TOOLS
from app.settings.fields import Settings
from tests.standins.memu import Misdeed, On, StandIn, Status, memu_service
from tests.support.mcp import call, refusal, running
from tests.support.waiting import until

Start = Callable[..., Awaitable[Runtime]]


@pytest.fixture
def service() -> Iterator[StandIn]:
    """Stand in for memU."""
    with memu_service() as service:
        yield service


@pytest.fixture
async def start(service: StandIn, plain_settings: Settings, connect_arguments: dict[str, Any]) -> AsyncIterator[Start]:
    """Start the app over memU, with other settings where a test gives some."""
    async with AsyncExitStack() as stack:

        async def start(backend: str = "memu", **others: Any) -> Runtime:
            settings = plain_settings.model_copy(
                update={
                    "memory_backend": backend,
                    "memu_api_key": SecretStr(service.key),
                    "memu_base_url": service.url,
                    "memu_api_version": "v4",  # has no tasks, so that what was sent is there at once
                    **others,
                }
            )
            return await stack.enter_async_context(running(settings, connect_arguments))

        yield start


async def sources(runtime: Runtime, query: str) -> list[tuple[str, str]]:
    """Search; return each result's text and source."""
    found = await call(runtime, "search_memory", query=query)
    return [(one["text"], one["source"]) for one in found["results"]]


async def test_exactly_what_memu_can_do_is_offered(start: Start) -> None:
    async with Client(build_server(await start())) as client:
        listed = {tool.name: tool for tool in (await client.list_tools()).tools}
        resources = [str(one.uri) for one in (await client.list_resources()).resources]
        templates = (await client.list_resource_templates()).resource_templates

    assert set(listed) == set(OFFERED)
    for name, offer in OFFERED.items():
        whole = set(TOOLS[name].request.model_json_schema()["properties"])
        assert set(listed[name].input_schema["properties"]) == whole - offer.without, name
    assert (resources, templates) == (["claude://memory/stats"], [])


async def test_a_search_says_why_it_has_no_explanations(start: Start) -> None:
    runtime = await start()
    await call(runtime, "memorize", text="I like apples.")

    found = await call(runtime, "search_memory", query="apples", explain=True)

    assert "memU finds the memories" in found["unexplained"]
    assert "explanation" not in found
    assert not any("explanation" in one for one in found["results"])


@pytest.mark.parametrize("tool", sorted(TOOLS.keys() - OFFERED.keys()))
async def test_a_tool_that_is_not_offered_says_why_and_what_to_do(start: Start, tool: str) -> None:
    said = await refusal(await start(), tool)

    assert "memU" in said
    assert "set MEMORY_BACKEND=both" in said


async def test_an_argument_that_memu_does_not_take_is_refused_and_nothing_is_stored(
    start: Start, service: StandIn
) -> None:
    runtime = await start()

    said = await refusal(runtime, "memorize", text="I like apples.", expires_in_days=3)

    assert "memU takes no expires_in_days" in said
    assert (await call(runtime, "memory_stats"))["outbox"]["waiting"] == 0
    assert service.texts == []


async def test_prompts_ask_for_nothing_that_is_refused(start: Start) -> None:
    async with Client(build_server(await start())) as client:
        arguments = {
            one.name: [given.name for given in one.arguments or ()] for one in (await client.list_prompts()).prompts
        }
        [message] = (await client.get_prompt("recall", {"subject": "boats"})).messages

    assert arguments == {"recall": ["subject"], "remember_this_conversation": ["project"]}
    assert isinstance(message.content, TextContent)
    assert "project" not in message.content.text


async def test_what_was_remembered_is_found_in_the_outbox_and_then_at_memu(start: Start, service: StandIn) -> None:
    service.always = On("memorize", Status(503))
    runtime = await start()

    await call(runtime, "memorize", text="I like apples.")

    assert await sources(runtime, "apples") == [("I like apples.", "outbox")]
    assert (await call(runtime, "memory_stats"))["outbox"]["waiting"] == 1

    service.always = None

    async def at_memu() -> bool:
        return await sources(runtime, "apples") == [("I like apples.", "memu")]

    await until(at_memu, "memU to have it")
    assert service.texts == ["I like apples."]
    assert (await call(runtime, "memory_stats"))["outbox"]["waiting"] == 0


async def test_a_conversation_reaches_memu_and_its_old_messages_are_not_sent_again(
    start: Start, service: StandIn
) -> None:
    runtime = await start(memu_api_version="v3")
    messages = [{"role": "user", "content": "We release on Thursdays.", "id": "m1"}]

    first = await call(runtime, "memorize_conversation", messages=messages, conversation_id="c")
    await until(lambda: service.texts == ["We release on Thursdays."], "the first message")
    messages.append({"role": "assistant", "content": "Noted.", "id": "m2"})
    second = await call(runtime, "memorize_conversation", messages=messages, conversation_id="c")
    await until(lambda: len(service.texts) == 2, "the second message")

    assert (first["stored"], second["stored"], second["skipped"]) == (1, 1, 1)
    assert service.texts == ["We release on Thursdays.", "Noted."]


async def test_a_service_that_is_gone_holds_up_no_write_and_no_search(start: Start, service: StandIn) -> None:
    service.refuse_connections()
    runtime = await start()

    await call(runtime, "memorize", text="I like apples.")
    found = await call(runtime, "search_memory", query="apples")
    recalled = await call(runtime, "recall_context", query="apples")

    assert [one["text"] for one in found["results"]] == ["I like apples."]
    assert found["degraded"] is True
    assert "does not answer" in found["reason"]
    assert "I like apples." in recalled["context"]
    assert (recalled["degraded"], recalled["reason"]) == (True, found["reason"])


async def test_a_service_that_hangs_is_not_waited_for(start: Start, service: StandIn) -> None:
    service.always = On("retrieve", Misdeed.HANG)
    runtime = await start(memu_search_seconds=0.1, memu_timeout_seconds=600.0)

    found = await call(runtime, "search_memory", query="apples")

    assert (found["results"], found["degraded"]) == ([], True)
    assert "0.1 s" in found["reason"]


async def test_a_refused_key_shows_in_health_and_in_no_answer(start: Start, service: StandIn) -> None:
    key = "mu_a-key-that-was-revoked"  # refused in words that repeat it
    runtime = await start(memu_api_key=SecretStr(key))
    await call(runtime, "memorize", text="I like apples.")

    async def degraded() -> bool:
        return bool((await call(runtime, "memory_health"))["status"] == "degraded")

    await until(degraded, "memU to refuse the key")
    health = await call(runtime, "memory_health", detailed=True)
    found = await call(runtime, "search_memory", query="apples")

    assert "MEMU_API_KEY" in health["components"]["memu"]["detail"]
    assert "MEMU_API_KEY" in found["reason"]
    assert key not in f"{health}{found}"
    assert [one["source"] for one in found["results"]] == ["outbox"]


class TestBoth:
    async def test_all_tools_are_there_and_search_and_forget_work_here(self, start: Start, service: StandIn) -> None:
        runtime = await start("both")
        async with Client(build_server(runtime)) as client:
            assert {tool.name for tool in (await client.list_tools()).tools} == set(TOOLS)
        stored = await call(runtime, "memorize", text="I like apples.", project="food", expires_in_days=3)

        await until(lambda: len(service.texts) == 1, "the write at memU")
        found = await call(runtime, "search_memory", query="apples", project="food")
        assert [one["id"] for one in found["results"]] == [stored["id"]]
        assert "source" not in found["results"][0]
        assert (await call(runtime, "forget_memory", ids=[stored["id"]]))["forgotten"] == 1
        assert (await call(runtime, "search_memory", query="apples"))["results"] == []
        assert not any(path.endswith("/search") for _, path, _ in service.requests)

    async def test_a_service_that_is_gone_changes_no_answer(self, start: Start, service: StandIn) -> None:
        service.refuse_connections()
        runtime = await start("both")

        await call(runtime, "memorize", text="I like apples.")
        found = await call(runtime, "search_memory", query="apples")

        assert [one["text"] for one in found["results"]] == ["I like apples."]
        assert (found["degraded"], "reason" in found) == (False, False)
