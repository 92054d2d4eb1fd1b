"""Retrieval through the MCP tools on LoCoMo. Needs ../shared/locomo/dev.json, which is no part of this repository."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from tests.support.serving import ROOT, serving

DEV = ROOT.parent / "shared" / "locomo" / "dev.json"
CALLERS = 4

pytestmark = pytest.mark.skipif(not DEV.exists(), reason=f"LoCoMo is not there: {DEV}")


def test_the_evidence_is_among_the_first_results(run_folder: Path) -> None:
    conversations = json.loads(DEV.read_text(encoding="utf-8"))
    with serving(run_folder / "locomo") as server:
        asyncio.run(remember(server.url, conversations))
        recalls = asyncio.run(ask(server.url, conversations))

    assert len(recalls) == 382
    assert mean(at_5 for at_5, _ in recalls) >= 0.75
    assert mean(at_10 for _, at_10 in recalls) >= 0.81


async def remember(url: str, conversations: list[Any]) -> None:
    """Store each conversation in a project of its own: frequencies of words are counted by project."""
    async with Client(f"{url}/mcp") as client:
        for conversation in conversations:
            name = conversation["conversation"]
            messages = [
                {
                    "role": "user",
                    "name": turn["speaker"],
                    "content": turn["text"] + caption(turn),
                    "time": moment(session["date_time"]),
                    "id": turn["id"],
                }
                for session in conversation["sessions"]
                for turn in session["turns"]
            ]
            arguments = {"messages": messages, "conversation_id": name, "project": name}
            reply = await client.call_tool("memorize_conversation", arguments)
            assert not reply.is_error, reply.content
            assert reply.structured_content["stored"] == len(messages)


async def ask(url: str, conversations: list[Any]) -> list[tuple[float, float]]:
    """Return recall at 5 and at 10 of every question that has evidence."""
    questions = [
        (conversation["conversation"], question)
        for conversation in conversations
        for question in conversation["questions"]
        if question["category"] in (1, 2, 3, 4) and question["evidence"]
    ]

    async def one_caller(share: list[Any]) -> list[tuple[float, float]]:
        async with Client(f"{url}/mcp") as client:
            return [await recall_of(client, project, question) for project, question in share]

    shares = await asyncio.gather(*(one_caller(questions[first::CALLERS]) for first in range(CALLERS)))
    return [recall for share in shares for recall in share]


async def recall_of(client: Client, project: str, question: Any) -> tuple[float, float]:
    arguments = {"query": question["question"], "project": project, "limit": 10}
    reply = await client.call_tool("search_memory", arguments)
    assert not reply.is_error, reply.content
    assert not reply.structured_content["degraded"]
    found = [one["message_id"] for one in reply.structured_content["results"]]
    evidence = set(question["evidence"])
    return len(evidence & set(found[:5])) / len(evidence), len(evidence & set(found)) / len(evidence)


def caption(turn: Any) -> str:
    return f" [image: {turn['image_caption']}]" if turn.get("image_caption") else ""


def moment(date_time: str) -> str:
    return datetime.strptime(date_time, "%I:%M %p on %d %B, %Y").replace(tzinfo=UTC).isoformat()


def mean(values: Any) -> float:
    numbers = list(values)
    return float(sum(numbers) / len(numbers))
