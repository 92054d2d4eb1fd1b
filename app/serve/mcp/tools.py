"""Defines the tools, each by its request, its reply, the permission a token needs, and one function."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import mcp_types as types
from pydantic import TypeAdapter

from app.errors import InvalidInput, NotPermitted
from app.memory import requests
from app.memory.forget import forget
from app.memory.off_loop import characters_of, run_off_loop_if_long
from app.memory.recall import recall
from app.memory.remember import remember, remember_conversation
from app.memory.search import search, search_across_projects
from app.memory.types import Scope
from app.memory.update import update
from app.runtime.health import health
from app.serve.mcp import replies, schemas

if TYPE_CHECKING:
    from app.memu.limits import Offer
    from app.runtime.runtime import Runtime

READ, WRITE = "read", "write"

_REPLY_FRAME_TOKENS = 40  # for a reply without its items


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool. `run` gets a validated request and returns the reply as JSON. `needs`: the permission."""

    name: str
    title: str
    description: str
    request: type[requests.Request]
    reply: Any
    needs: str
    run: Callable[[Runtime, Scope, Any], Awaitable[Any]]
    destructive: bool = False
    idempotent: bool = False

    def definition(self, offer: Offer | None = None) -> types.Tool:
        """Return the tool as tools/list shows it. offer: how memU offers it; None: the local store."""
        arguments = schemas.input_schema(self.request.model_json_schema())
        for name in offer.without if offer is not None else ():
            del arguments["properties"][name]
        return types.Tool(
            name=self.name,
            title=self.title,
            description=(offer.description if offer is not None else None) or self.description,
            input_schema=arguments,
            output_schema=schemas.output_schema(TypeAdapter(self.reply).json_schema(mode="serialization")),
            annotations=types.ToolAnnotations(
                title=self.title,
                read_only_hint=self.needs == READ,
                destructive_hint=self.destructive,
                idempotent_hint=self.idempotent or self.needs == READ,
                open_world_hint=offer is not None and self.name != "memory_health",
            ),
        )

    async def call(self, runtime: Runtime, scope: Scope, arguments: dict[str, Any]) -> Any:
        """Check the caller and the arguments, then run. Raises MemoryServerError."""
        if self.needs not in scope.permissions:
            raise NotPermitted(
                f"{self.name}: this token does not have the scope {self.needs!r}; create one with "
                f"`claude-memory token create --user {scope.user} --scope {self.needs}`"
            )
        if runtime.settings.memory_backend == "memu":
            from app.memu.limits import require_offered

            given = {name for name, value in arguments.items() if value is not None}
            require_offered(self.name, given, runtime.settings.memu_api_version)
        size = characters_of(arguments)
        request = await run_off_loop_if_long(size, lambda: requests.checked(self.request, arguments))
        await runtime.wait_ready()
        return await self.run(runtime, scope, request)


async def _memorize(runtime: Runtime, scope: Scope, request: requests.Memorize) -> replies.Memorized:
    stored = await remember(runtime.domain, scope, request)
    runtime.wrote()
    return {
        "id": str(stored.id),
        "created": stored.created,
        "duplicate": stored.duplicate,
        "updated": list(stored.updated),
        "redacted": stored.redacted,
    }


async def _memorize_conversation(
    runtime: Runtime, scope: Scope, request: requests.MemorizeConversation
) -> replies.MemorizedConversation:
    stored = await remember_conversation(runtime.domain, scope, request)
    runtime.wrote()
    return {
        "conversation_id": stored.conversation_id,
        "stored": stored.stored,
        "skipped": stored.skipped,
        "redacted": stored.redacted,
    }


async def _search(runtime: Runtime, scope: Scope, request: requests.Search) -> replies.Results:
    matches = await search(runtime.domain, scope, request)
    return replies.results(matches, _budget(runtime, request.max_tokens))


async def _search_across_projects(
    runtime: Runtime, scope: Scope, request: requests.SearchAcrossProjects
) -> replies.ResultsByProject:
    matches = await search_across_projects(runtime.domain, scope, request)
    return replies.results_by_project(matches, _budget(runtime, None))


async def _recall(runtime: Runtime, scope: Scope, request: requests.Recall) -> replies.Context:
    return replies.context(await recall(runtime.domain, scope, request))


async def _update(runtime: Runtime, scope: Scope, request: requests.Update) -> replies.Updated:
    updated = await update(runtime.domain, scope, request)
    runtime.wrote()
    return {"id": str(request.id), "version": updated.version, "redacted": updated.redacted}


async def _forget(runtime: Runtime, scope: Scope, request: requests.Forget) -> replies.Forgotten:
    forgotten = await forget(runtime.domain, scope, request)
    if request.dry_run:
        return {"forgotten": forgotten, "would_forget": forgotten}
    runtime.wrote()
    return {"forgotten": forgotten}


async def _stats(runtime: Runtime, scope: Scope, request: requests.StatsRequest) -> replies.Statistics:
    stats = await runtime.domain.store.stats(scope, request.project)
    reply = replies.statistics(stats, _budget(runtime, None))
    if (elsewhere := runtime.domain.elsewhere) is not None:
        reply["outbox"] = replies.outbox_counts(await elsewhere.outbox.depth(scope.user))
    return reply


async def _health(runtime: Runtime, scope: Scope, request: requests.HealthRequest) -> dict[str, Any]:
    body = health(runtime)
    if request.detailed:
        is_admin = "admin" in scope.permissions
        body["numbers"] = await (runtime.numbers() if is_admin else runtime.numbers_of(scope.user))
    return body


def _budget(runtime: Runtime, asked: int | None) -> int:
    limit = runtime.domain.settings.reply_tokens
    return min(asked or limit, limit) - _REPLY_FRAME_TOKENS


TOOLS = {
    tool.name: tool
    for tool in (
        Tool(
            "memorize",
            "Remember",
            "Remember a text for later conversations: a fact, a preference, a decision, a note. "
            "The same text is not stored twice: again, it adds its tags to the first memory, replaces the kind and the "
            "metadata if they are given, and keeps the longer life; `updated` names what changed. "
            "Keys and tokens of known forms are replaced before storing.",
            requests.Memorize,
            replies.Memorized,
            WRITE,
            _memorize,
            idempotent=True,
        ),
        Tool(
            "memorize_conversation",
            "Remember a conversation",
            "Remember the messages of a conversation, in order. Give the conversation and each message an id to send "
            "it again later with new messages at the end: messages that are already stored are skipped.",
            requests.MemorizeConversation,
            replies.MemorizedConversation,
            WRITE,
            _memorize_conversation,
            idempotent=True,
        ),
        Tool(
            "search_memory",
            "Search memories",
            "Find memories by a question or by words; best first, with ids. "
            "Of a long text it shows the part that answers, marked excerpt; full_text shows all of it, and so does its "
            "uri. "
            "Can be limited to a project, kinds, tags, a role, a conversation, a time. With archived it finds archived "
            "memories instead. With explain it tells why: what each score is made of.",
            requests.Search,
            replies.Results,
            READ,
            _search,
        ),
        Tool(
            "recall_context",
            "Recall a context",
            "Gather what is known about a question into one text that fits a token budget, in the order things "
            "happened, with its sources; days are those of the place where something was said. Of a long text it has "
            "the part that answers; the whole is the resource claude://memory/items/ID of its source. Good at the "
            "start of a task.",
            requests.Recall,
            replies.Context,
            READ,
            _recall,
        ),
        Tool(
            "search_across_projects",
            "Search several projects",
            "Find memories in several projects at once, merged by score, time or project; long texts as search_memory "
            "shows them.",
            requests.SearchAcrossProjects,
            replies.ResultsByProject,
            READ,
            _search_across_projects,
        ),
        Tool(
            "update_memory",
            "Change a memory",
            "Change a memory's text, kind, tags, metadata or expiry, move it to another project or to none, or archive "
            "it. "
            "Omitted fields stay unchanged.",
            requests.Update,
            replies.Updated,
            WRITE,
            _update,
            destructive=True,
        ),
        Tool(
            "forget_memory",
            "Forget memories",
            "Delete memories for good: by ids, a conversation, a project, a time, or several of these (all must "
            "match). With dry_run nothing is deleted, and would_forget counts them.",
            requests.Forget,
            replies.Forgotten,
            WRITE,
            _forget,
            destructive=True,
            idempotent=True,
        ),
        Tool(
            "memory_stats",
            "Count memories",
            "Count memories by kind and project, and conversations.",
            requests.StatsRequest,
            replies.Statistics,
            READ,
            _stats,
        ),
        Tool(
            "memory_health",
            "Health",
            "Report the state of the memory server.",
            requests.HealthRequest,
            dict[str, Any],
            READ,
            _health,
        ),
    )
}


def find_tool(name: str) -> Tool:
    """Return a tool by name. Raises InvalidInput."""
    tool = TOOLS.get(name)
    if tool is None:
        raise InvalidInput("tool", name, "one of " + ", ".join(TOOLS))
    return tool


def offered(backend: str) -> dict[str, Offer | None]:
    """Return the names of the tools that a memory backend offers, each with how memU offers it; None: whole."""
    if backend != "memu":
        return dict.fromkeys(TOOLS)
    from app.memu.limits import OFFERED

    return dict(OFFERED)


@cache
def definitions(backend: str = "local") -> list[types.Tool]:
    """Return the tools as tools/list shows them with a memory backend."""
    return [TOOLS[name].definition(offer) for name, offer in offered(backend).items()]
