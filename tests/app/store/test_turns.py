"""Turns for connections: in order, limited in time, and ended together by an outage."""

from __future__ import annotations

import asyncio

import pytest

from app.store.turns import Turns


async def test_turns_are_given_in_order_and_none_is_lost() -> None:
    turns, order = Turns(2), []

    async def call(number: int) -> None:
        await turns.take(10)
        order.append(number)
        await asyncio.sleep(0.001)
        turns.give_back()

    await asyncio.gather(*(call(number) for number in range(50)))

    assert order == list(range(50))
    for _ in range(2):
        await asyncio.wait_for(turns.take(0.1), 1)
    with pytest.raises(TimeoutError):
        await turns.take(0.01)
    assert len(turns) == 0


async def test_a_caller_who_leaves_while_it_waits_takes_no_turn() -> None:
    turns = Turns(1)
    await turns.take(1)
    waiting = asyncio.create_task(turns.take(10))
    await asyncio.sleep(0)
    turns.give_back()  # its turn has come, and it has not noticed
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)

    await asyncio.wait_for(turns.take(1), 1)


async def test_an_outage_ends_all_waits_and_no_turn() -> None:
    turns = Turns(1)
    await turns.take(1)
    waiting = [asyncio.create_task(turns.take(10)) for _ in range(3)]
    await asyncio.sleep(0)
    turns.fail(ConnectionError("away"))

    assert [str(one) for one in await asyncio.gather(*waiting, return_exceptions=True)] == ["away"] * 3
    turns.give_back()
    await asyncio.wait_for(turns.take(1), 1)
