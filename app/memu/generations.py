"""What each generation of memU's API is asked, and what it answers.

None of them was observed from here; each is as its makers' own client speaks it, read in November 2026:

- v1, v2: `memu/sdk/python/{client,models}.py` of github.com/NevaMind-AI/memU at the tags v0.1.11 and v0.2.2. The server
  that was published with them (`memu/server`, v1 only) gives a category's memories as `memories`, not `memory_items`.
- v3: `src/memu_sdk/client.py` of github.com/NevaMind-AI/memU-sdk-py (January 2026, which its makers tried against the
  service), `src/main/services/memorization.service.ts` of NevaMind-AI/memUBot (March 2026), the README of memU 1.0 to
  1.5, and issue 356 of NevaMind-AI/memU for answers that were seen. `created_at` beside a message's content comes from
  github.com/KYO-Kobo/memu-v3-mcp and from memU's `src/memu/utils/conversation.py`.
- v4: `src/memu/cloud.py`, `src/memu/app/agentic.py`, `tests/test_cloud.py` and `docs/adr/0012`, `0014` of
  github.com/NevaMind-AI/memU at 37d2efa (August 2026). The service runs that same `agentic.py`, says ADR 0014. It keeps
  files, each by its name: a memory is a file here, and handing it over again replaces it by itself. It searches a
  file's lines, leaves out those that begin with `#`, and knows no agent but `default` where none is given.

No generation deletes one memory: v1 and v2 can only delete all of a user or an agent, so deleting is not offered.
Whether the service heeds the header Idempotency-Key is not documented; for one that compares bodies, they are the same.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol
from urllib.parse import quote

from app.errors import MemuRefused, NotOffered
from app.memory.outbox import OutboxEntry, OutboxMessage
from app.memu import reading, wording
from app.memu.reading import WrongShape
from app.memu.service import Found, Generation, Item, Progress, Task

_LEAST_SIMILARITY = 0.3  # the default of v1 and v2
_ANY = "default"  # what memU's clients send as a user or an agent without a name
_FILES_A_PAGE = 50  # v4's default
_DESCRIPTION_CHARACTERS = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request. path: begins after the base address. body: sent as JSON, in this order."""

    method: str = "POST"
    path: str
    parameters: dict[str, str] = field(default_factory=dict)
    body: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Offers:
    """What a generation can do beyond taking and finding memories.

    items: it lists single memories; otherwise the summaries of its subjects. categories: it keeps subjects.
    tasks: it works on what it took, and can be asked how far it is. all_agents: it lists all of a user's at once.
    """

    items: bool
    categories: bool
    tasks: bool
    all_agents: bool = True


class Api(Protocol):
    """A generation: a request for each thing to do, and the reading of its answer, which raises WrongShape."""

    offers: Offers

    def memorize(self, entry: OutboxEntry) -> Request:
        """Return the same request for the same entry, whatever became of it before."""

    def memorized(self, entry: OutboxEntry, answer: Any) -> Task:
        """Return what became of it."""

    def task(self, task_id: str) -> Request:
        """Return how to ask about a task. Raises MemuRefused where it cannot be one."""

    def retrieve(self, user: str, agent: str, query: str, limit: int) -> Request:
        """Return how to ask a question."""

    def retrieved(self, answer: Any, limit: int) -> Found:
        """Return what was found."""

    def categories(self, user: str, agent: str | None) -> Request:
        """Return how to ask for all subjects. Raises NotOffered."""

    def page(self, user: str, agent: str | None, cursor: str | None) -> Request:
        """Return how to ask for a page of the list; cursor: None for the first. Raises NotOffered."""

    def paged(self, answer: Any) -> tuple[list[Item], str | None]:
        """Return the items of a page, and the cursor of the next one."""

    def check(self, user: str, agent: str) -> Request:
        """Return a request that changes nothing."""


class _Conversations(ABC):
    """v1 to v3: takes conversations, works on them later, and keeps subjects.

    root: where the API begins.
    """

    def __init__(self, root: str) -> None:
        self._root = root

    def memorize(self, entry: OutboxEntry) -> Request:
        names = wording.names_in(entry)
        body = {
            "conversation": self._conversation(entry),
            **_owner(entry.user, entry.agent),
            "user_name": names["user"],
            "agent_name": names["assistant"],
            "session_date": wording.session_time(entry),
        }
        return Request(path=f"{self._root}/memorize", body=body)

    def memorized(self, entry: OutboxEntry, answer: Any) -> Task:
        return reading.handover_in(answer)

    def task(self, task_id: str) -> Request:
        if not reading.is_usable(task_id):
            raise MemuRefused("memU cannot be asked about its task: its id is not one")
        return Request(method="GET", path=f"{self._root}/memorize/status/{quote(task_id, safe='')}")

    def _conversation(self, entry: OutboxEntry) -> list[dict[str, str]]:
        return [
            {"role": wording.role_of(message), "content": text, **self._when(message)}
            for message, text in zip(entry.messages, wording.texts_of(entry), strict=True)
        ]

    @abstractmethod
    def _when(self, message: OutboxMessage) -> dict[str, str]:
        """Return the time of a message under its name in the generation."""


class _V1AndV2(_Conversations):
    """Finds and lists single memories."""

    offers = Offers(items=True, categories=True, tasks=True)

    def _when(self, message: OutboxMessage) -> dict[str, str]:
        return {"time": wording.iso_time(message.at)} if message.at else {}

    def retrieve(self, user: str, agent: str, query: str, limit: int) -> Request:
        body = {
            **_owner(user, agent),
            "query": query,
            "top_k": limit,
            "min_similarity": _LEAST_SIMILARITY,
            "include_categories": None,
        }
        return Request(path=f"{self._root}/retrieve/related-memory-items", body=body)

    def retrieved(self, answer: Any, limit: int) -> Found:
        entries = reading.entries_in(answer, "related_memories", "memories", "items")
        return reading.found(reading.items_in(entries, "category"), [], limit)

    def categories(self, user: str, agent: str | None) -> Request:
        return self._subjects(user, agent, want_items=False)

    def page(self, user: str, agent: str | None, cursor: str | None) -> Request:
        return self._subjects(user, agent, want_items=True)

    def paged(self, answer: Any) -> tuple[list[Item], str | None]:
        items = []
        for subject in filter(_is_object, reading.entries_in(answer, "categories")):
            within = subject.get("memory_items") or subject.get("memories")
            memories = reading.entries_in(within, "memories", "items") if within else [_summary_of(subject)]
            items += reading.items_in(memories, "category")
        return items, None

    def check(self, user: str, agent: str) -> Request:
        return self.categories(user, agent)

    def _subjects(self, user: str, agent: str | None, *, want_items: bool) -> Request:
        body = {
            "user_id": user or _ANY,
            "agent_id": None if agent is None else agent or _ANY,
            "want_memory_items": want_items,
        }
        return Request(path=f"{self._root}/retrieve/default-categories", body=body)


class _V3(_Conversations):
    """Finds single memories and subjects, but lists subjects alone."""

    offers = Offers(items=False, categories=True, tasks=True)
    _ANSWERED = frozenset({"items", "categories", "resources", "next_step_query", "rewritten_query"})

    def _when(self, message: OutboxMessage) -> dict[str, str]:
        return {"created_at": wording.plain_time(message.at)} if message.at else {}

    def retrieve(self, user: str, agent: str, query: str, limit: int) -> Request:
        return Request(path=f"{self._root}/retrieve", body={**_owner(user, agent), "query": query})

    def retrieved(self, answer: Any, limit: int) -> Found:
        told = {"items": answer} if isinstance(answer, list) else reading.object_in(answer)
        if told and self._ANSWERED.isdisjoint(told):
            raise WrongShape("no items")
        items = reading.items_in(reading.entries_in(told.get("items") or [], "items"), "memory_type", "category_name")
        subjects = reading.categories_in(reading.entries_in(told.get("categories") or [], "categories"))
        return reading.found(items, subjects, limit)

    def categories(self, user: str, agent: str | None) -> Request:
        body = {"user_id": user or _ANY, **({} if agent is None else {"agent_id": agent or _ANY})}
        return Request(path=f"{self._root}/categories", body=body)

    def page(self, user: str, agent: str | None, cursor: str | None) -> Request:
        return self.categories(user, agent)

    def paged(self, answer: Any) -> tuple[list[Item], str | None]:
        subjects = filter(_is_object, reading.entries_in(answer, "categories"))
        return reading.items_in(map(_summary_of, subjects), "category"), None

    def check(self, user: str, agent: str) -> Request:
        return self.categories(user, agent)


class _V4:
    """Keeps files by their names, at once; it knows neither conversations nor subjects."""

    offers = Offers(items=True, categories=False, tasks=False, all_agents=False)
    _ROOT = "/api/v4/memory"  # with a slash behind it the service answers 404

    def memorize(self, entry: OutboxEntry) -> Request:
        names = wording.names_in(entry)
        file = {
            "name": self._name(entry),
            "track": "memory",
            "description": self._description(entry),
            "content": self._content(entry),
        }
        user = {**_owner(entry.user, entry.agent), "user_name": names["user"], "agent_name": names["assistant"]}
        return Request(path=self._ROOT, body={"user": user, "recall_files": [file], "resource": []})

    def memorized(self, entry: OutboxEntry, answer: Any) -> Task:
        kept = reading.entries_in(reading.object_in(answer), "recall_files", "categories")
        name = self._name(entry)
        if not any(isinstance(file, dict) and file.get("name") == name for file in kept):
            raise WrongShape("the file it was given is not among those it kept")
        return Task(id=None, progress=Progress.DONE)

    def task(self, task_id: str) -> Request:
        raise MemuRefused("memU's API v4 has no tasks; this one is of another generation")

    def retrieve(self, user: str, agent: str, query: str, limit: int) -> Request:
        return Request(path=f"{self._ROOT}/search", body={"query": query, **_owner(user, agent)})

    def retrieved(self, answer: Any, limit: int) -> Found:
        """Return whole files, which are memories here; the lines found in them where it gives lines alone."""
        told = reading.object_in(answer)
        files = self._items(reading.entries_in(told, "files", "segments"))
        if not files and "segments" in told:
            files = self._items(reading.entries_in(told, "segments"))
        return reading.found(files, [], limit)

    def categories(self, user: str, agent: str | None) -> Request:
        raise NotOffered("memU's API v4 keeps no subjects: list the memories instead, or set MEMU_API_VERSION=v3")

    def page(self, user: str, agent: str | None, cursor: str | None) -> Request:
        if agent is None:
            raise NotOffered("memU's API v4 lists the memories of one agent at a time: name the agent")
        parameters = {**_owner(user, agent), "limit": str(_FILES_A_PAGE)}
        return Request(method="GET", path=self._ROOT, parameters=parameters | ({"cursor": cursor} if cursor else {}))

    def paged(self, answer: Any) -> tuple[list[Item], str | None]:
        told = reading.object_in(answer)
        files = self._items(reading.entries_in(told, "recall_files", "categories"))
        return files, reading.text_in(told, "next_cursor") or None

    def check(self, user: str, agent: str) -> Request:
        return Request(method="GET", path=self._ROOT, parameters={**_owner(user, agent), "limit": "1"})

    @staticmethod
    def _name(entry: OutboxEntry) -> str:
        """Return a name that no other entry has."""
        return f"{entry.kind}-{entry.key}"

    @staticmethod
    def _description(entry: OutboxEntry) -> str:
        """Return one line about a file: its conversation's title, or how its text begins, and which piece it is."""
        begins = entry.title or (entry.messages[0].text if entry.messages else "")
        line = " ".join(begins.split())[:_DESCRIPTION_CHARACTERS].rstrip()
        return line if entry.parts == 1 else f"{line} (part {entry.part} of {entry.parts})"

    @staticmethod
    def _content(entry: OutboxEntry) -> str:
        """Return a memory's text as it is, and a conversation with who spoke and when, because a file has no fields."""
        texts = wording.texts_of(entry)
        if entry.conversation_id is None and len(texts) == 1:
            return texts[0]
        lines = []
        for message, text in zip(entry.messages, texts, strict=True):
            role = wording.role_of(message)
            at = f"{wording.plain_time(message.at)} " if message.at else ""
            lines.append(f"{at}[{role}] {text}")
        return "\n".join(lines)

    @staticmethod
    def _items(files: list[Any]) -> list[Item]:
        """Return files as items, with a kind for another track than memories, such as `skill`."""
        return [
            replace(item, kind=None) if item.kind == "memory" else item for item in reading.items_in(files, "track")
        ]


def _is_object(entry: Any) -> bool:
    return isinstance(entry, dict)


def _summary_of(subject: Mapping[str, Any]) -> dict[str, Any]:
    """Return a subject as an item; it has no text while nothing is summed up, whatever its description says."""
    return {
        "id": reading.id_in(subject, "id", "name"),
        "category": subject.get("name"),
        "content": reading.text_in(subject, "summary", "content"),
        "created_at": subject.get("created_at"),
    }


def _owner(user: str, agent: str) -> dict[str, str]:
    return {"user_id": user or _ANY, "agent_id": agent or _ANY}


_APIS: dict[Generation, Api] = {
    Generation.V1: _V1AndV2("/api/v1/memory"),
    Generation.V2: _V1AndV2("/api/v2/memory"),
    Generation.V3: _V3("/api/v3/memory"),
    Generation.V4: _V4(),
}


def api_of(generation: Generation) -> Api:
    """Return what a generation is asked and answers."""
    return _APIS[generation]
