"""Relevances while a search waits: in time or not at all, and a service that fails is left alone for a while."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest

from app.measuring import METRICS
from app.metrics import MODEL_TOKENS, RERANKS
from app.reranking.in_time import PAUSE_S, TOLD_S, RerankInTime
from app.reranking.service import RerankService
from tests.standins import rerank as standins
from tests.standins.rerank import StandIn

TEXTS = ["a blue bicycle", "a red car"]
FOUND = {0: 0.0, 1: 1.0}


class Clock:
    """Stands still: set what it shows."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def reranker(service: RerankService, clock: Clock) -> AsyncIterator[RerankInTime]:
    reranker = RerankInTime(service, 30.0, clock)
    yield reranker
    await reranker.close()


async def ask(reranker: RerankInTime) -> dict[int, float] | None:
    return await reranker.relevances("red car", TEXTS)


def counted(outcome: str) -> float:
    return METRICS.by_label(RERANKS).get((outcome,), 0.0)


async def test_what_is_there_in_time_is_given_and_counted(reranker: RerankInTime, service: RerankService) -> None:
    before, tokens = counted("ok"), METRICS.by_label(MODEL_TOKENS).get((service.model,), 0.0)

    assert await ask(reranker) == FOUND
    assert (reranker.problem, counted("ok") - before) == (None, 1.0)
    assert METRICS.by_label(MODEL_TOKENS)[service.model,] - tokens == 6.0


async def test_a_slow_service_is_not_waited_for(service: RerankService, standin: StandIn) -> None:
    before = counted("late")
    reranker = RerankInTime(service, 0.05)
    standin.fail.append(5.0)
    try:
        assert await ask(reranker) is None
        assert reranker.problem == "127.0.0.1 took longer than 0.05 s (RERANK_SECONDS)"
    finally:
        await reranker.close()
    assert counted("late") - before == 1.0


@pytest.mark.parametrize(
    ("failure", "outcome"), [(standins.BROKEN, "rerank_unavailable"), (standins.INVALID_KEY, "rerank_refused")]
)
async def test_after_a_failure_it_is_left_alone_for_a_while(
    reranker: RerankInTime, standin: StandIn, clock: Clock, failure: tuple[int, str], outcome: str
) -> None:
    before, paused = counted(outcome), counted("paused")
    standin.fail.append(failure)
    assert await ask(reranker) is None
    assert await ask(reranker) is None
    assert (len(standin.calls), counted(outcome) - before, counted("paused") - paused) == (1, 1.0, 1.0)

    clock.now += PAUSE_S
    assert await ask(reranker) == FOUND
    assert reranker.problem is None


async def test_a_service_that_asks_for_more_time_gets_it(
    reranker: RerankInTime, standin: StandIn, clock: Clock
) -> None:
    standin.fail.append(standins.TOO_FAST)
    standin.headers = {"Retry-After": "60"}
    await ask(reranker)

    clock.now += PAUSE_S
    assert await ask(reranker) is None
    clock.now += 60.0 - PAUSE_S
    assert await ask(reranker) == FOUND


async def test_one_search_tries_a_service_that_failed_and_those_beside_it_do_not_wait(
    reranker: RerankInTime, standin: StandIn, clock: Clock
) -> None:
    standin.fail += [standins.BROKEN, 0.2]
    await ask(reranker)
    clock.now += PAUSE_S

    assert sorted(await asyncio.gather(*(ask(reranker) for _ in range(3))), key=bool) == [None, None, FOUND]
    assert len(standin.calls) == 2


async def test_a_failure_that_may_pass_is_told_for_a_minute_and_a_refusal_until_a_call_succeeds(
    reranker: RerankInTime, standin: StandIn, clock: Clock
) -> None:
    standin.fail += [standins.BROKEN, standins.INVALID_KEY]
    await ask(reranker)
    assert reranker.problem is not None
    clock.now += TOLD_S
    assert reranker.problem is None

    await ask(reranker)
    clock.now += 10 * TOLD_S
    assert "refuses the key" in (reranker.problem or "")
    await ask(reranker)
    assert reranker.problem is None


async def test_the_log_says_once_that_it_fails_and_once_that_it_works_again(
    reranker: RerankInTime, standin: StandIn, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "app.reranking")
    standin.fail += [standins.INVALID_KEY] * 3
    for _ in range(5):
        await ask(reranker)
        clock.now += PAUSE_S

    assert [(one.levelname, one.message.partition(" (")[0]) for one in caplog.records] == [
        ("WARNING", "searching without the rerank service: 127.0.0.1 refuses the key"),
        ("INFO", "127.0.0.1 orders results again"),
    ]
    assert standin.key not in caplog.text
    assert "car" not in caplog.text


async def test_a_search_that_is_cut_short_is_no_failure(reranker: RerankInTime, standin: StandIn) -> None:
    standin.fail.append(5.0)
    asking = asyncio.create_task(ask(reranker))
    assert await asyncio.to_thread(standin.asked.wait, 10)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking

    assert reranker.problem is None
    assert await ask(reranker) == FOUND
