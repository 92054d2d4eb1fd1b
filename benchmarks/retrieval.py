"""Retrieval: how many of the memories that answer a question are among the first results, through the tools.

It asks about our Chinese chats (benchmarks/chats.py) and about LoCoMo's. LoCoMo (snap-research, CC BY-NC 4.0) is for
evaluation only and not part of this repository; without it that part is left out. It measures as its README says:
questions of the categories 1 to 4 that have evidence, limit 10; a question's recall at k is the share of its evidence
turns among the first k; the mean over questions. In context: the share of questions all of whose evidence turns are in
a `recall_context` of 2,000 tokens.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import fmean
from typing import Any

from mcp.client import Client
from mcp_types import TextResourceContents

from benchmarks.chats import Chat, Message, chinese
from benchmarks.client import run
from benchmarks.figures import percentile
from benchmarks.progress import Steps
from benchmarks.report import Report, Row, at_least
from benchmarks.servers import REPOSITORY, Running, app_server, temporary_folder

DATA = REPOSITORY.parent / "shared" / "locomo" / "dev.json"
AT_5, AT_10, IN_CONTEXT = 0.755, 0.82, 0.84
CHINESE_AT = (3, 5, 10)
LIMIT = 10
CONTEXT_TOKENS = 2_000
_PAGE = 500  # memories, of which a reply holds as many as fit
_CATEGORIES = {1: "several turns", 2: "time", 3: "inference", 4: "one turn"}


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many conversations and how many questions of each are measured; None: all."""

    data: Path = DATA
    conversations: int | None = None
    questions: int | None = None


FULL = QUICK = Sizes()  # quick enough, and a share of the questions would say nothing about the goal


@dataclass(slots=True)
class Recalls:
    """Recall at 5 and at 10 for each question, with its category; in_context: 1 if a context has all its evidence."""

    at_5: list[float] = field(default_factory=list)
    at_10: list[float] = field(default_factory=list)
    in_context: list[float] = field(default_factory=list)
    categories: list[int] = field(default_factory=list)
    query_ms: list[float] = field(default_factory=list)
    turns: int = 0
    ingest_s: float = 0.0

    def mean(self, recalls: list[float], category: int | None = None) -> float:
        """Return the mean over the questions, of one category or of all."""
        chosen = [one for one, of in zip(recalls, self.categories, strict=True) if category in (None, of)]
        return sum(chosen) / len(chosen)


def measure(sizes: Sizes, steps: Steps) -> Report:
    """Store the conversations, ask the questions."""
    report = Report(
        name="retrieval",
        title="Retrieval",
        how="Ours in Chinese: talks and notes of one user, 100 questions. LoCoMo: three conversations, each a project "
        "of one user, and every session a call of memorize_conversation. Every question is a search_memory with limit "
        f"10, and LoCoMo's also a recall_context of {CONTEXT_TOKENS:,} tokens, over HTTP with the SDK's client. "
        "Offline, no model.",
    )
    with temporary_folder() as folder, app_server(folder / "data") as server:
        server.wait_ready()
        report.rows = chinese_rows(run(chinese_recalls(server, chinese(), steps)))
    if not sizes.data.exists():
        report.notes.append(f"{sizes.data} does not exist; put LoCoMo's conversations there as its README describes")
        return report
    conversations = json.loads(sizes.data.read_text(encoding="utf-8"))[: sizes.conversations]
    with temporary_folder() as folder, app_server(folder / "data") as server:
        server.wait_ready()
        report.rows += _rows(run(recalls(server, conversations, sizes, steps, whole=False)), "", goals=True)
    with temporary_folder() as folder, app_server(folder / "data") as server:
        server.wait_ready()
        together = run(recalls(server, conversations, sizes, steps, whole=True))
        report.rows += _rows(together, ", all sessions in one call", goals=False)
    return report


async def chinese_recalls(server: Running, chat: Chat, steps: Steps) -> list[tuple[float, ...]]:
    """Return a running server's recall at 3, at 5 and at 10 for each question about our Chinese chats."""
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(Client(f"{server.url}/mcp"))
        notes: dict[str, str] = {}
        for session in steps.over(chat.sessions, "storing Chinese chats"):
            if session[0].role is None:
                stored = await _call(client, "memorize", {"text": session[0].text, "project": chat.name})
                notes[stored["id"]] = session[0].id
            else:
                await _call(client, "memorize_conversation", _talk(chat.name, session))
        found = []
        for question in steps.over(chat.questions, "asking in Chinese"):
            arguments = {"query": question.text, "project": chat.name, "limit": LIMIT}
            results = (await _call(client, "search_memory", arguments))["results"]
            ids = [notes.get(result["id"]) or result.get("message_id", "") for result in results]
            found.append(tuple(recall(list(question.evidence), ids[:k]) for k in CHINESE_AT))
        return found


def _talk(project: str, session: list[Message]) -> dict[str, Any]:
    messages = [
        {
            "id": said.id,
            "role": said.role,
            "name": said.name,
            "content": said.text,
            "time": said.at and said.at.isoformat(),
        }
        for said in session
    ]
    return {"conversation_id": f"{project}/{session[0].id}", "project": project, "messages": messages}


def chinese_rows(found: list[tuple[float, ...]]) -> list[Row]:
    """Return the mean at each rank."""
    means = map(fmean, zip(*found, strict=True))
    return [
        Row(what=f"Chinese: R@{k}, {len(found)} questions", figure=mean, unit="")
        for k, mean in zip(CHINESE_AT, means, strict=True)
    ]


async def recalls(
    server: Running, conversations: list[dict[str, Any]], sizes: Sizes, steps: Steps, *, whole: bool
) -> Recalls:
    """Return a running server's recall. whole: store a conversation in one call, not in one for each session."""
    found = Recalls()
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(Client(f"{server.url}/mcp"))
        for conversation in steps.over(conversations, "storing LoCoMo"):
            began = time.perf_counter()
            for arguments in calls(conversation, whole=whole):
                stored = await _call(client, "memorize_conversation", arguments)
                found.turns += int(stored["stored"])
            found.ingest_s += time.perf_counter() - began
        message_ids = await _message_ids(client)
        for conversation in conversations:
            asked = [one for one in conversation["questions"] if one["category"] in _CATEGORIES and one["evidence"]]
            for question in steps.over(asked[: sizes.questions], f"asking about {conversation['conversation']}"):
                arguments = {
                    "query": question["question"],
                    "project": conversation["conversation"],
                    "limit": LIMIT,
                }
                began = time.perf_counter()
                answer = await _call(client, "search_memory", arguments)
                found.query_ms.append((time.perf_counter() - began) * 1_000)
                ids = [result["message_id"] for result in answer["results"]]
                found.at_5.append(recall(question["evidence"], ids[:5]))
                found.at_10.append(recall(question["evidence"], ids[:10]))
                found.categories.append(question["category"])
                arguments = {**arguments, "max_tokens": CONTEXT_TOKENS}
                del arguments["limit"]
                answer = await _call(client, "recall_context", arguments)
                told = {message_ids[source["id"]] for source in answer["sources"]}
                found.in_context.append(float(told.issuperset(question["evidence"])))
    return found


async def _message_ids(client: Client) -> dict[str, str]:
    """Return the id that each stored message has in LoCoMo, by the id of its memory."""
    ids: dict[str, str] = {}
    while True:
        result = await client.read_resource(f"claude://memory/recent?limit={_PAGE}&skip={len(ids)}")
        [contents] = result.contents
        page = json.loads(contents.text)["memories"] if isinstance(contents, TextResourceContents) else []
        if not page:
            return ids
        ids.update((memory["id"], memory["message_id"]) for memory in page)


def calls(conversation: dict[str, Any], *, whole: bool) -> Iterable[dict[str, Any]]:
    """Yield the arguments of memorize_conversation."""
    project = conversation["conversation"]
    messages = []
    for session in conversation["sessions"]:
        at = datetime.strptime(session["date_time"], "%I:%M %p on %d %B, %Y").replace(tzinfo=UTC).isoformat()
        said = [
            {"role": "user", "name": turn["speaker"], "content": _content(turn), "time": at, "id": turn["id"]}
            for turn in session["turns"]
        ]
        messages += said
        if not whole:
            yield {"conversation_id": f"{project}/{session['session']}", "project": project, "messages": said}
    if whole:
        yield {"conversation_id": project, "project": project, "messages": messages}


def recall(evidence: list[str], found: list[str]) -> float:
    """Return the share of the evidence that was found."""
    wanted = set(evidence)
    return len(wanted & set(found)) / len(wanted)


def _content(turn: dict[str, Any]) -> str:
    caption = turn.get("image_caption")
    return f"{turn['text']} [image: {caption}]" if caption else str(turn["text"])


async def _call(client: Client, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
    result = await client.call_tool(tool, arguments)
    if result.is_error or result.structured_content is None:
        raise RuntimeError(f"{tool}: {result.content}")
    return dict(result.structured_content)


def _rows(found: Recalls, how: str, *, goals: bool) -> list[Row]:
    questions = len(found.categories)
    rows = []
    for k, recalled, goal in ((5, found.at_5, AT_5), (10, found.at_10, AT_10)):
        what, mean = f"R@{k}, {questions} questions{how}", found.mean(recalled)
        rows.append(at_least(what, mean, "", goal) if goals else Row(what=what, figure=mean, unit=""))
    what, mean = f"all evidence in {CONTEXT_TOKENS:,} tokens of context{how}", found.mean(found.in_context)
    rows.append(at_least(what, mean, "", IN_CONTEXT) if goals else Row(what=what, figure=mean, unit=""))
    if not goals:
        return rows
    for category, name in _CATEGORIES.items():
        asked = found.categories.count(category)
        if asked:
            what = f"… category {category}, {name}, {asked} questions: R@5"
            rows.append(Row(what=what, figure=found.mean(found.at_5, category), unit=""))
            rows.append(Row(what="… … R@10", figure=found.mean(found.at_10, category), unit=""))
    rows.append(Row(what=f"storing {found.turns:,} turns, in all", figure=found.ingest_s, unit="s"))
    rows.append(
        Row(what="a question, p50, the client's time included", figure=percentile(found.query_ms, 50), unit="ms")
    )
    return rows
