"""What was answered is there: after kill -9 of every process, once each, and found. Needs only this repository."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import psutil
import pytest
from mcp import Client

from tests.support.serving import Server, serving
from tests.support.waiting import wait_until

ROUNDS = 20
WRITERS = 4


@dataclass
class Written:
    """Texts by whether their write was answered; one that was not may be there or not."""

    answered: list[str] = field(default_factory=list)
    open: list[tuple[str, dict[str, Any]]] = field(default_factory=list)


@pytest.mark.timeout(300)
def test_nothing_answered_is_lost_or_doubled_when_every_process_is_killed(run_folder: Path) -> None:
    written, choose = Written(), random.Random(7)
    for round_ in range(ROUNDS):
        with serving(run_folder / "killed") as server:
            asyncio.run(check(server.url, written.answered[-15:]))
            asyncio.run(send_again(server.url, written))
            asyncio.run(write_until_killed(server, written, round_, answers=choose.randint(1, 12)))

    with serving(run_folder / "killed") as server:
        asyncio.run(send_again(server.url, written))
        asyncio.run(check(server.url, written.answered))
        stats = asyncio.run(call(server.url, "memory_stats", {}))
        assert stats["memories"] == len(written.answered) == len(set(written.answered))
        server.stop()
        assert server.left_over() == []


async def write_until_killed(server: Server, written: Written, round_: int, answers: int) -> None:
    """Let several clients write at once, and kill everything right after so many answers."""
    enough, answered_before = asyncio.Event(), len(written.answered)

    async def write(writer: int) -> None:
        async with Client(f"{server.url}/mcp") as client:
            for number in count():
                tool, arguments, text = a_write(round_, writer, number)
                written.open.append((tool, arguments))
                await answer_of(client, tool, arguments)
                written.open.remove((tool, arguments))
                written.answered.append(text)
                if len(written.answered) - answered_before >= answers and not enough.is_set():
                    enough.set()
                    kill(server)

    writers = [asyncio.create_task(write(writer)) for writer in range(WRITERS)]
    await enough.wait()
    for writer in writers:
        writer.cancel()
    await asyncio.gather(*writers, return_exceptions=True)


def a_write(round_: int, writer: int, number: int) -> tuple[str, dict[str, Any], str]:
    text = f"Remember word{round_}x{writer}x{number} of this round."
    if number % 2:
        return "memorize", {"text": text}, text
    message = {"role": "user", "content": text, "id": f"{round_}.{number}"}
    return "memorize_conversation", {"messages": [message], "conversation_id": f"writer {writer}"}, text


def kill(server: Server) -> None:
    """Kill the app and its PostgreSQL, all at once and without a warning."""
    app = psutil.Process(server.process.pid)
    family = [app, *app.children(recursive=True)]
    assert any("postgres" in process.name() for process in family)
    for process in family:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    server.process.wait(30)
    wait_until(lambda: not any(map(alive, family)), "all of them to be dead")


def alive(process: psutil.Process) -> bool:
    """Tell whether a process still runs; a zombie only waits for init to take note."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def send_again(url: str, written: Written) -> None:
    """Do as clients do with a call that was not answered."""
    async with Client(f"{url}/mcp") as client:
        for tool, arguments in written.open:
            await answer_of(client, tool, arguments)
            written.answered.append(arguments.get("text") or arguments["messages"][0]["content"])
    written.open.clear()


async def check(url: str, texts: list[str]) -> None:
    """Search for each text by its own word: it is there exactly once, and it is the index that finds it."""
    async with Client(f"{url}/mcp") as client:
        for text in texts:
            word = text.split()[1]
            reply = await answer_of(client, "search_memory", {"query": word})
            assert [one["text"] for one in reply["results"]].count(text) == 1, (
                f"{word} was answered and is not there once"
            )
            assert not reply["degraded"]


async def call(url: str, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
    async with Client(f"{url}/mcp") as client:
        return await answer_of(client, tool, arguments)


async def answer_of(client: Client, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content
    assert result.structured_content is not None
    return dict(result.structured_content)
