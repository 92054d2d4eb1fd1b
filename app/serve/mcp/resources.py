"""Serves the resources under claude://memory/: statistics, newest memories, projects, conversations, single items."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import parse_qsl, unquote
from uuid import UUID

import mcp_types as types

from app.errors import InvalidInput, NotFound, NotOffered, NotPermitted
from app.memory.arguments import name_form
from app.memory.requests import Recent, checked
from app.memory.types import RECENT_LIMIT, Filter, Memory, Scope
from app.serve.mcp import replies
from app.serve.mcp.tools import READ

if TYPE_CHECKING:
    from app.runtime.runtime import Runtime

BASE = "claude://memory/"
_RECENT = Recent.model_fields["limit"].default
_FRAME_TOKENS = 110  # for a resource without its items: at most a name of 200 characters
_JSON = "application/json"

FIXED = (
    types.Resource(uri=BASE + "stats", name="stats", title="Counts", mime_type=_JSON,
                   description="Memories by kind and project"),
    types.Resource(uri=BASE + "recent", name="recent", title="Newest memories", mime_type=_JSON,
                   description=f"The {_RECENT} newest memories; "
                   "?limit=, skip=, project=, kinds= and archived=true choose others"),
    types.Resource(uri=BASE + "projects", name="projects", title="Projects", mime_type=_JSON,
                   description="All projects, with their number of memories"),
)  # fmt: skip

TEMPLATES = (
    types.ResourceTemplate(uri_template=BASE + "projects/{project}", name="project", title="A project",
                           mime_type=_JSON, description="The newest memories of a project"),
    types.ResourceTemplate(uri_template=BASE + "conversations/{id}", name="conversation", title="A conversation",
                           mime_type=_JSON, description="A conversation's messages in order"),
    types.ResourceTemplate(uri_template=BASE + "items/{id}", name="item", title="A memory",
                           mime_type=_JSON, description="One memory, whole"),
)  # fmt: skip


# memU lists no single memories, so that all there is to read are counts.
_OF_MEMU = frozenset({("stats", False)})


def fixed(backend: str) -> Sequence[types.Resource]:
    """Return the resources that a memory backend has."""
    return FIXED if backend != "memu" else [one for one in FIXED if (one.name, False) in _OF_MEMU]


def templates(backend: str) -> Sequence[types.ResourceTemplate]:
    """Return the templates of resources that a memory backend has."""
    return TEMPLATES if backend != "memu" else ()


async def read(runtime: Runtime, scope: Scope, uri: str) -> types.ReadResourceResult:
    """Return a resource as JSON, cut to the reply budget. Raises NotFound, NotPermitted, InvalidInput."""
    if READ not in scope.permissions:
        raise NotPermitted(f"{uri}: this token does not have the scope {READ!r}")
    if not uri.startswith(BASE):
        raise _unknown(uri)
    kind, name = _parts(uri.removeprefix(BASE))
    await runtime.wait_ready()
    reader = _READERS.get((kind, bool(name)))
    if reader is None or "\x00" in name:  # no name contains NUL, and PostgreSQL rejects it
        raise _unknown(uri)
    if runtime.settings.memory_backend == "memu" and (kind, bool(name)) not in _OF_MEMU:
        raise NotOffered(f"{uri}: memU lists no memories; search_memory finds them")
    body = await reader(runtime, scope, name)
    contents = types.TextResourceContents(uri=uri, mime_type=_JSON, text=replies.compact(body))
    return types.ReadResourceResult(contents=[contents])


def _parts(path: str) -> tuple[str, str]:
    """Return the sort of a resource and its name; of the newest memories, the query in place of a name."""
    head, _, query = path.partition("?")
    if head == "recent":
        return ("recent?", query) if query else ("recent", "")
    kind, _, quoted = path.partition("/")
    return kind, unquote(quoted)


async def _stats(runtime: Runtime, scope: Scope, _: str) -> Any:
    return replies.statistics(await runtime.domain.store.stats(scope, None), runtime.domain.settings.reply_tokens)


async def _recent(runtime: Runtime, scope: Scope, query: str) -> Any:
    request = checked(Recent, dict(parse_qsl(query)))
    where = Filter(
        projects=None if request.project is None else (request.project,),
        kinds=tuple(request.kinds) if request.kinds else None,
        archived=request.archived,
    )
    return _memories(runtime, await runtime.domain.store.recent(scope, request.limit, where, request.skip))


async def _projects(runtime: Runtime, scope: Scope, _: str) -> Any:
    stats = await runtime.domain.store.stats(scope, None)
    named = {name: count for name, count in stats.by_project.items() if name}
    projects, cut = replies.largest(named, runtime.domain.settings.reply_tokens - _FRAME_TOKENS)
    return {"projects": projects, "truncated": cut}


async def _project(runtime: Runtime, scope: Scope, name: str) -> Any:
    name = name_form(name)
    memories = await runtime.domain.store.of_project(scope, name, RECENT_LIMIT)
    if not memories:
        raise NotFound(f"project {name!r}: no such project with memories; {BASE}projects lists them")
    return {"project": name, **_memories(runtime, memories)}


async def _conversation(runtime: Runtime, scope: Scope, name: str) -> Any:
    memories = await runtime.domain.store.of_conversation(scope, name, RECENT_LIMIT)
    if not memories:
        raise NotFound(f"conversation {name!r}: no conversation has this id; search_memory gives ids")
    return {"conversation_id": name, **_memories(runtime, memories)}


async def _item(runtime: Runtime, scope: Scope, name: str) -> Any:
    try:
        memory_id = UUID(name)
    except ValueError:
        raise InvalidInput("id", name, "the id of a memory, as search_memory gives it") from None
    memories = await runtime.domain.store.get(scope, [memory_id])
    if memory_id not in memories:
        raise NotFound(f"memory {name}: no memory has this id; search_memory gives ids")
    return _whole(memories[memory_id])


_READERS: dict[tuple[str, bool], Callable[[Runtime, Scope, str], Awaitable[Any]]] = {
    ("stats", False): _stats,
    ("recent", False): _recent,
    ("recent?", True): _recent,
    ("projects", False): _projects,
    ("projects", True): _project,
    ("conversations", True): _conversation,
    ("items", True): _item,
}


def _memories(runtime: Runtime, memories: Iterable[Memory]) -> dict[str, Any]:
    budget = runtime.domain.settings.reply_tokens - _FRAME_TOKENS
    items = list(map(_whole, memories))
    fit, cut = replies.within(items, budget)
    if not fit and items:
        fit = replies.shortened(cast("Any", items[0]), budget)
    return {"memories": fit, "truncated": cut}


def _whole(memory: Memory) -> dict[str, Any]:
    def moment(value: Any) -> str | None:
        return None if value is None else value.isoformat()

    return {
        "id": str(memory.id),
        "version": memory.version,
        "text": memory.text,
        "kind": str(memory.kind),
        "project": memory.project,
        "tags": list(memory.tags),
        "metadata": memory.metadata,
        "role": memory.role,
        "name": memory.name,
        "conversation_id": memory.conversation_id,
        "message_id": memory.message_id,
        "created_at": moment(memory.created_at),
        "updated_at": moment(memory.updated_at),
        "occurred_at": moment(memory.occurred_at),
        "expires_at": moment(memory.expires_at),
        "archived_at": moment(memory.archived_at),
    }


def _unknown(uri: str) -> NotFound:
    known = [resource.uri for resource in FIXED] + [template.uri_template for template in TEMPLATES]
    return NotFound(f"resource {uri!r}: no such resource; there are {', '.join(known)}")
