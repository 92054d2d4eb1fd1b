"""Defines the prompts: texts that users pick in their client."""

from __future__ import annotations

import mcp_types as types

from app.errors import InvalidInput

PROMPTS = (
    types.Prompt(
        name="recall",
        title="Recall what is known",
        description="Bring memories about a subject into this conversation",
        arguments=[
            types.PromptArgument(name="subject", description="what to recall", required=True),
            types.PromptArgument(name="project", description="limit to a project"),
        ],
    ),
    types.Prompt(
        name="remember_this_conversation",
        title="Remember this conversation",
        description="Store this conversation and its decisions",
        arguments=[types.PromptArgument(name="project", description="the project it belongs to")],
    ),
)

_RECALL = """\
Call the tool recall_context with query {subject!r}{project}, then tell me shortly what is known about it, with dates \
where there are any. Keep it in mind for the rest of this conversation. If nothing was found, say so."""

_REMEMBER = """\
Store this conversation in the long-term memory:
1. Call memorize_conversation with all messages of this conversation so far in their order (role, content, and an id \
for each: m1, m2, …){project}.
2. Call memorize once for each decision, preference or fact in it that will matter in later conversations, with a \
fitting kind{project}; one plain sentence each, understandable without this conversation.
Leave out credentials. Then say in one line what was stored."""


def offered(backend: str) -> tuple[types.Prompt, ...]:
    """Return the prompts as a memory backend has them: without what the tool they name does not take there."""
    if backend != "memu":
        return PROMPTS
    from app.memu.limits import OFFERED

    recall, remember = PROMPTS
    left = [one for one in recall.arguments or () if one.name not in OFFERED["recall_context"].without]
    return recall.model_copy(update={"arguments": left}), remember


def prompt(name: str, arguments: dict[str, str], backend: str = "local") -> types.GetPromptResult:
    """Return a prompt with its arguments filled in. Raises InvalidInput."""
    known = {definition.name: definition for definition in offered(backend)}
    if name not in known:
        raise InvalidInput("prompt", name, "one of " + ", ".join(known))
    takes = {argument.name for argument in known[name].arguments or ()}
    for argument, value in arguments.items():
        if argument not in takes:
            raise InvalidInput(argument, value, f"no such argument: there are {', '.join(sorted(takes))}")
    project = f", project {arguments['project']!r}" if arguments.get("project") else ""
    if name == "recall":
        if not arguments.get("subject", "").strip():
            raise InvalidInput("subject", arguments.get("subject", ""), "what to recall, a few words")
        text = _RECALL.format(subject=arguments["subject"], project=project)
    else:
        text = _REMEMBER.format(project=project)
    message = types.PromptMessage(role="user", content=types.TextContent(type="text", text=text))
    return types.GetPromptResult(description=known[name].description, messages=[message])
