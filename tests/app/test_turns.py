"""Turns for connections: in turn over users, limited in time, and ended together by an outage."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.turns import Turns

# What happens to the queue, one after another: a user's call comes, leaves while it waits or in its turn, or an outage.
EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("call"), st.sampled_from("abcde")),
        st.tuples(st.sampled_from(["leave", "end", "break", "end unseen"]), st.integers(0, 30)),
        st.tuples(st.just("outage"), st.just(0)),
    ),
    max_size=60,
)


class Calls:
    """Calls that wait for turns and hold them until they are ended."""

    def __init__(self, size: int) -> None:
        self.turns = Turns(size)
        self.held: list[tuple[str, asyncio.Task[None]]] = []
        self.waiting: list[tuple[str, asyncio.Task[None]]] = []
        self.order: list[str] = []  # of users who got a turn
        self._ends: dict[asyncio.Task[None], asyncio.Future[None]] = {}

    async def come(self, user: str) -> asyncio.Task[None]:
        """Let a user's call come, and take a turn if it may."""
        task = asyncio.create_task(self._call(user))
        self._ends[task] = asyncio.get_running_loop().create_future()
        self.waiting.append((user, task))
        await settled()
        return task

    async def _call(self, user: str) -> None:
        await self.turns.take(user, 60)
        task = asyncio.current_task()
        assert task is not None
        try:
            self.waiting.remove((user, task))
            self.held.append((user, task))
            self.order.append(user)
            await self._ends[task]
        finally:
            self.held.remove((user, task))
            self.turns.give_back(user)

    def end(self, task: asyncio.Task[None], error: Exception | None = None) -> None:
        """End a call that has a turn; it gives the turn back when it next runs."""
        end = self._ends[task]
        if not end.done():
            end.set_exception(error) if error else end.set_result(None)

    def leave(self, task: asyncio.Task[None]) -> None:
        """Cancel a call that waits or that has a turn."""
        task.cancel()
        self.waiting = [one for one in self.waiting if one[1] is not task]


async def settled() -> None:
    """Let everything run that can."""
    for _ in range(5):
        await asyncio.sleep(0)


async def happen(calls: Calls, what: str, who: Any) -> None:
    """Let one of EVENTS happen, if there is a call that it can happen to."""
    if what == "call":
        await calls.come(who)
        return
    if what == "outage":
        calls.turns.fail(ConnectionError("away"))
        calls.waiting.clear()
        return
    chosen = calls.waiting if what == "leave" else calls.held
    if not chosen:
        return
    task = chosen[who % len(chosen)][1]
    if what == "leave":
        calls.leave(task)
        return
    calls.end(task, RuntimeError("broke") if what == "break" else None)
    if what == "end unseen":  # its turn passes on, and who gets it leaves before it runs
        await asyncio.sleep(0)
        for _, waits in list(calls.waiting)[:1]:
            calls.leave(waits)


def assert_fair(calls: Calls, size: int) -> None:
    """No turn is idle that a waiting user may have, and no user has them all."""
    held, waiting = [user for user, _ in calls.held], {user for user, _ in calls.waiting}
    assert len(held) <= size
    assert len(calls.turns) == len(calls.waiting)
    if waiting - set(held):
        assert len(held) == size, "a user without a turn waits, and one is free"
    if waiting and size > 1:
        assert len(held) >= size - 1, "calls wait, and more turns are free than the last"
    if size > 1:
        assert all(held.count(user) < size for user in held), "one user has all turns"


@given(size=st.integers(1, 4), events=EVENTS)
async def test_no_turn_is_lost_or_idle_and_a_user_without_one_never_waits_for_a_free_one(
    size: int, events: Sequence[tuple[str, Any]]
) -> None:
    calls = Calls(size)
    for what, who in events:
        await happen(calls, what, who)
        await settled()
        assert_fair(calls, size)

    everyone = [task for _, task in [*calls.held, *calls.waiting]]
    for task in everyone:
        task.cancel()
    await asyncio.gather(*everyone, return_exceptions=True)
    for number in range(size):  # all turns are there again
        await asyncio.wait_for(calls.turns.take(f"user {number}", 0.1), 1)
    assert not calls.turns._held.keys() - {f"user {number}" for number in range(size)}
    assert not calls.turns._waiting


async def test_one_call_does_not_wait_for_a_hundred_of_another_user() -> None:
    calls = Calls(4)
    for _ in range(100):
        await calls.come("ann")
    assert len(calls.held) == 3

    await calls.come("bob")

    assert calls.order[-1] == "bob"


async def test_users_who_wait_get_turns_one_after_another_and_each_user_in_order() -> None:
    turns, order = Turns(1), []

    async def call(user: str, number: int) -> None:
        await turns.take(user, 10)
        order.append((user, number))
        await asyncio.sleep(0.001)
        turns.give_back(user)

    ann, bob, cem = ("ann", 20), ("bob", 3), ("cem", 1)
    await asyncio.gather(*(call(user, number) for user, calls in (ann, bob, cem) for number in range(calls)))

    first = [("ann", 0), ("ann", 1), ("bob", 0), ("cem", 0), ("ann", 2), ("bob", 1), ("ann", 3), ("bob", 2)]
    assert order[:8] == first
    assert order[8:] == [("ann", number) for number in range(4, 20)]


async def test_two_users_with_much_to_do_leave_a_turn_for_a_third() -> None:
    calls = Calls(4)
    for user in ("ann", "bob") * 20:
        await calls.come(user)
    for _ in range(10):
        calls.end(calls.held[0][1])
        await settled()

    assert sorted({user for user, _ in calls.held}) == ["ann", "bob"]
    assert len(calls.held) == 3
    await calls.come("cem")
    assert calls.order[-1] == "cem"


async def test_a_caller_whose_time_is_over_takes_no_turn() -> None:
    turns = Turns(1)
    await turns.take("ann", 1)
    with pytest.raises(TimeoutError):
        await turns.take("bob", 0.01)

    assert len(turns) == 0
    turns.give_back("ann")
    await asyncio.wait_for(turns.take("cem", 1), 1)


async def test_a_caller_who_leaves_while_it_waits_takes_no_turn() -> None:
    turns = Turns(1)
    await turns.take("ann", 1)
    waiting = asyncio.create_task(turns.take("ann", 10))
    await asyncio.sleep(0)
    turns.give_back("ann")  # its turn has come, and it has not noticed
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)

    await asyncio.wait_for(turns.take("ann", 1), 1)


async def test_an_outage_ends_all_waits_and_no_turn() -> None:
    turns = Turns(1)
    await turns.take("ann", 1)
    waiting = [asyncio.create_task(turns.take(user, 10)) for user in ("ann", "bob", "bob")]
    await asyncio.sleep(0)
    turns.fail(ConnectionError("away"))

    assert [str(one) for one in await asyncio.gather(*waiting, return_exceptions=True)] == ["away"] * 3
    turns.give_back("ann")
    await asyncio.wait_for(turns.take("ann", 1), 1)


async def test_no_user_has_more_turns_than_one_may_have_however_many_are_free() -> None:
    turns = Turns(10, most=2)
    for user in ("ann", "ann", "bob"):
        await turns.take(user, 60)
    third = asyncio.ensure_future(turns.take("ann", 60))
    await settled()
    assert not third.done()

    turns.give_back("bob")
    await settled()
    assert not third.done(), "another user's turn is no use to it"

    turns.give_back("ann")
    await third
