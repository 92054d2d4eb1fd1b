"""Searches of one user wait for each other, and never for those of another."""

from __future__ import annotations

import asyncio

import pytest

from app.errors import Unavailable
from app.memory import searching
from app.memory.ports import Domain
from app.memory.requests import Search
from app.memory.search import search
from app.memory.searching import OF_A_USER, Searching
from app.memory.types import Scope
from tests.support.waiting import until


class Searches:
    """Searches that go on until they are told to end; who: whose they are, in the order in which they began."""

    def __init__(self) -> None:
        self.turns, self.who, self._end = Searching(), list[str](), asyncio.Event()

    async def of(self, user: str) -> None:
        async with self.turns.turn(user):
            self.who.append(user)
            await self._end.wait()

    def end(self) -> None:
        self._end.set()


async def test_a_few_searches_of_a_user_go_on_at_a_time_and_those_of_others_beside_them() -> None:
    searches = Searches()
    async with asyncio.TaskGroup() as group:
        for _ in range(OF_A_USER + 5):
            group.create_task(searches.of("mallory"))
        await until(lambda: len(searches.who) == OF_A_USER, "the first of them")
        group.create_task(searches.of("ann"))
        await until(lambda: "ann" in searches.who, "the other user")

        assert searches.who.count("mallory") == OF_A_USER
        searches.end()

    assert searches.who.count("mallory") == OF_A_USER + 5


async def test_a_search_whose_turn_does_not_come_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "TURN_TIMEOUT_S", 0.01)
    searches = Searches()
    async with asyncio.TaskGroup() as group:
        for _ in range(OF_A_USER):
            group.create_task(searches.of("mallory"))
        await until(lambda: len(searches.who) == OF_A_USER, "the first of them")

        with pytest.raises(Unavailable, match="ask fewer questions at a time"):
            await searches.of("mallory")
        searches.end()


async def test_a_search_that_fails_or_is_cancelled_gives_its_turn_back() -> None:
    turns = Searching()
    for _ in range(OF_A_USER + 1):
        with pytest.raises(ZeroDivisionError):
            async with turns.turn("ann"):
                raise ZeroDivisionError

    async with turns.turn("ann"):
        pass


async def test_real_searches_of_one_user_all_have_their_answers(domain: Domain, alice: Scope) -> None:
    found = await asyncio.gather(*(search(domain, alice, Search(query=f"question {n}")) for n in range(20)))

    assert len(found) == 20
