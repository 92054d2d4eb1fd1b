"""Fills a server with made-up conversations through its own tools, and waits until they can all be found."""

from __future__ import annotations

from benchmarks.client import CallFailed, Era, Session
from benchmarks.progress import Steps
from benchmarks.texts import CONVERSATION_TURNS, Texts


async def fill(port: int, texts: Texts, memories: int, steps: Steps) -> None:
    """Store `memories` turns, one conversation in each call. Raises CallFailed when fewer arrived."""
    session = await Session.open(port, Era.LEGACY)
    try:
        before = await session.call("memory_stats", {})
        calls = -(-memories // CONVERSATION_TURNS)
        for conversation in steps.over(texts.conversations(memories), f"storing {memories:,} memories", calls):
            await session.call("memorize_conversation", conversation)
        stored = int((await session.call("memory_stats", {}))["memories"]) - int(before["memories"])
        if stored != memories:
            raise CallFailed(f"{memories:,} memories were sent and {stored:,} are there")
        # The index may be behind a fast writer; a search reports that, so repeat it until it is not.
        for _ in range(60):
            if not (await session.call("search_memory", {"query": texts.question()}))["degraded"]:
                return
        raise CallFailed("the index did not catch up with what was stored")
    finally:
        session.close()
