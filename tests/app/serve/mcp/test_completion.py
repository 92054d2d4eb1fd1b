"""Completing arguments: names of projects and ids of conversations of the user who types, and nothing else."""

from __future__ import annotations

from typing import Any

import mcp_types as types

from app.memory.types import Scope
from app.runtime.runtime import Runtime
from app.serve.mcp.completion import complete
from tests.support.mcp import asked, call

PROMPT = {"type": "ref/prompt", "name": "recall"}


def template(uri: str) -> dict[str, str]:
    return {"type": "ref/resource", "uri": f"claude://memory/{uri}"}


async def completed(runtime: Runtime, ref: dict[str, str], name: str, value: str = "") -> Any:
    params = {"ref": ref, "argument": {"name": name, "value": value}}
    return (await asked(runtime, "completion/complete", params))["completion"]


async def stored(runtime: Runtime) -> None:
    for project in ("garden", "garage", "house"):
        await call(runtime, "memorize", text=f"about the {project}", project=project)
    for conversation in ("c1", "c2", "d1"):
        message = {"role": "user", "content": conversation}
        await call(runtime, "memorize_conversation", messages=[message], conversation_id=conversation)


async def test_projects_complete_a_prompts_project_and_a_templates(runtime: Runtime) -> None:
    await stored(runtime)

    assert (await completed(runtime, PROMPT, "project", "ga"))["values"] == ["garage", "garden"]
    assert (await completed(runtime, template("projects/{project}"), "project", "h"))["values"] == ["house"]
    assert (await completed(runtime, PROMPT, "project"))["values"] == ["garage", "garden", "house"]


async def test_conversations_complete_their_template_the_last_changed_first(runtime: Runtime) -> None:
    await stored(runtime)

    assert (await completed(runtime, template("conversations/{id}"), "id"))["values"] == ["d1", "c2", "c1"]
    assert (await completed(runtime, template("conversations/{id}"), "id", "c"))["values"] == ["c2", "c1"]
    assert (await completed(runtime, template("conversations/{id}"), "id", "%"))["values"] == []


async def test_anything_else_is_not_completed(runtime: Runtime) -> None:
    await stored(runtime)

    assert (await completed(runtime, PROMPT, "subject", "g"))["values"] == []
    assert (await completed(runtime, template("items/{id}"), "id"))["values"] == []
    assert (await completed(runtime, {"type": "ref/prompt", "name": "none"}, "project"))["values"] == []


async def test_what_no_name_can_hold_is_the_beginning_of_none(runtime: Runtime) -> None:
    await stored(runtime)

    for ref, name in ((PROMPT, "project"), (template("conversations/{id}"), "id")):
        for value in ("\x00", "c\x00", "c" * 100_000, "'", "\\"):
            assert (await completed(runtime, ref, name, value))["values"] == []


async def test_no_more_than_the_protocol_allows_come_at_once(runtime: Runtime) -> None:
    for number in range(101):
        await call(runtime, "memorize", text=f"text {number}", project=f"p{number:03}")

    completion = await completed(runtime, PROMPT, "project", "p")

    assert len(completion["values"]) == 100
    assert completion["hasMore"] is True


async def test_other_users_and_callers_who_may_not_read_see_nothing(runtime: Runtime) -> None:
    await stored(runtime)
    ref = types.PromptReference(type="ref/prompt", name="recall")
    argument = types.CompletionArgument(name="project", value="")

    for scope in (Scope("bob"), Scope(runtime.settings.default_user_id, permissions=frozenset({"write"}))):
        assert (await complete(runtime, scope, ref, argument)).completion.values == []
