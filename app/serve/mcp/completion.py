"""Completes arguments while a user types them: names of projects, and ids of conversations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import mcp_types as types

from app.memory.types import Scope
from app.serve.mcp.prompts import PROMPTS
from app.serve.mcp.resources import TEMPLATES
from app.serve.mcp.tools import READ

if TYPE_CHECKING:
    from app.runtime.runtime import Runtime

_MOST = 100  # the protocol's limit


async def complete(
    runtime: Runtime,
    scope: Scope,
    ref: types.ResourceTemplateReference | types.PromptReference,
    argument: types.CompletionArgument,
) -> types.CompleteResult:
    """Return what begins like the argument; nothing for an argument that can be anything."""
    values: Sequence[str] = ()
    if READ in scope.permissions and "\x00" not in argument.value:  # PostgreSQL takes none
        await runtime.wait_ready()
        if _is_project(ref, argument.name):
            values = await runtime.domain.store.project_names(scope, argument.value, _MOST + 1)
        elif _template_of(ref) == "conversation" and argument.name == "id":
            values = await runtime.domain.store.conversation_ids(scope, argument.value, _MOST + 1)
    completion = types.Completion(values=list(values[:_MOST]), has_more=len(values) > _MOST)
    return types.CompleteResult(completion=completion)


def _is_project(ref: types.ResourceTemplateReference | types.PromptReference, argument: str) -> bool:
    if isinstance(ref, types.PromptReference):
        takes = {one.name for prompt in PROMPTS if prompt.name == ref.name for one in prompt.arguments or ()}
        return argument == "project" and "project" in takes
    return _template_of(ref) == "project" and argument == "project"


def _template_of(ref: types.ResourceTemplateReference | types.PromptReference) -> str | None:
    if isinstance(ref, types.PromptReference):
        return None
    return next((template.name for template in TEMPLATES if template.uri_template == ref.uri), None)
