"""Looking at memU from time to time: what it finds stands in health until it looks again."""

from __future__ import annotations

import asyncio
import logging
from typing import cast

import pytest

from app.errors import MemuKeyRefused, MemuUnavailable
from app.memu.service import MemuService
from app.memu.watch import MemuWatch


class Answering:
    """Only `check` of a service. error: what it raises; hangs: it never answers."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.hangs = False
        self.asked: list[tuple[str, str]] = []

    async def check(self, user: str, agent: str) -> str:
        self.asked.append((user, agent))
        if self.hangs:
            await asyncio.Event().wait()
        if self.error is not None:
            raise self.error
        return "it answers"


def watching(service: Answering) -> MemuWatch:
    return MemuWatch(cast("MemuService", service), "ann", "claude", every_s=0.01, within_s=0.05)


async def test_it_asks_again_and_again_until_it_is_cancelled() -> None:
    service = Answering()
    running = asyncio.create_task(watching(service).run())

    while len(service.asked) < 3:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)

    assert set(service.asked) == {("ann", "claude")}


async def test_a_problem_is_told_once_and_its_end_too(caplog: pytest.LogCaptureFixture) -> None:
    service = Answering()
    watch = watching(service)
    service.error = MemuUnavailable("memu.example does not answer")

    with caplog.at_level(logging.INFO, logger="app.memu.watch"):
        for _ in range(2):
            await watch.look()
            assert (watch.problem, watch.key_refused) == ("memu.example does not answer", False)
        service.error = None
        await watch.look()

    assert watch.problem is None
    assert caplog.messages == ["memu.example does not answer", "memU answers"]


async def test_a_refused_key_is_known_until_another_answer_comes() -> None:
    service = Answering()
    watch = watching(service)
    service.error = MemuKeyRefused("memU refuses the key")
    await watch.look()
    assert watch.key_refused

    service.error = MemuUnavailable("busy")
    await watch.look()
    assert not watch.key_refused


async def test_a_service_that_hangs_is_a_problem() -> None:
    service = Answering()
    service.hangs = True
    watch = watching(service)

    await watch.look()

    assert watch.problem == "memU did not answer within 0.05 s"
