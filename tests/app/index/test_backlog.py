"""The backlog: who waits is told as soon as what they wait for is applied, and the position never runs ahead."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.index import backlog as module
from app.index.backlog import Backlog, Moment, Waiter, Work
from app.memory.change_log import Change

START = Moment(0, None)
_numbers = iter(range(1, 1_000_000))


def change(user: str, session: int = 1, position: int = 0, at: float = 5.0, size: int = 0) -> Change:
    return Change(next(_numbers), UUID(int=session), UUID(int=100 + position), position, at, user, size)


def moment(number: int) -> Moment:
    return Moment(number, f"{number}:{number}:")


def read(backlog: Backlog, changes: Iterable[Change], moment: Moment, waiters: Sequence[Waiter]) -> None:
    """Add a read of one page."""
    backlog.add(changes)
    backlog.end_read(moment, waiters)


async def test_without_changes_everything_is_applied_and_nobody_waits() -> None:
    backlog, waiters = Backlog(START), [Waiter("ann"), Waiter(None)]

    read(backlog, [], moment(5), waiters)

    assert all(waiter.done.done() for waiter in waiters)
    assert (backlog.applied, backlog.changes, backlog.oldest, backlog.take()) == (moment(5), 0, None, [])


async def test_each_waits_for_the_changes_of_their_own_user() -> None:
    backlog = Backlog(START)
    ann, ben, everyone = Waiter("ann"), Waiter("ben"), Waiter(None)

    read(backlog, [change("ann", at=7.0), change("ann", position=3, at=6.0)], moment(5), [ann, ben, everyone])

    assert [waiter.done.done() for waiter in (ann, ben, everyone)] == [False, True, False]
    assert (backlog.applied, backlog.changes, backlog.oldest) == (START, 2, 6.0)
    [work] = backlog.take()
    assert (work.user, work.positions, len(work.memories)) == ("ann", {UUID(int=1): {0, 3}}, 2)
    backlog.finish([work])
    assert ann.done.done()
    assert everyone.done.done()
    assert (backlog.applied, backlog.changes) == (moment(5), 0)


async def test_users_with_few_changes_come_first_and_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_TOGETHER", 3)
    backlog = Backlog(START)
    read(backlog, [change("much", position=n) for n in range(9)], moment(1), [])
    read(backlog, [change("ann"), change("ben"), change("ben", position=1), change("cleo")], moment(2), [])

    assert [work.user for work in backlog.take()] == ["ann", "cleo"]
    assert [work.user for work in backlog.take()] == ["ben"]
    assert backlog.take() == [], "more than are taken together waits until nothing else was begun"


async def test_a_long_text_is_not_taken_together_with_short_ones() -> None:
    backlog = Backlog(START)
    changes = [change("long", position=n, size=8_000) for n in range(20)]
    read(backlog, [*changes, change("ann", size=300), change("ben", size=300)], moment(1), [])

    assert [work.user for work in backlog.take()] == ["ann", "ben"]
    assert backlog.take() == []


async def test_a_large_work_is_taken_alone_and_small_ones_while_it_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_TOGETHER", 3)
    backlog = Backlog(START)
    read(backlog, [change("much", position=n) for n in range(9)], moment(1), [])
    large = backlog.take()
    read(backlog, [change("much"), change("ann")], moment(2), [])

    assert [work.user for work in large] == ["much"]
    assert [work.user for work in backlog.take()] == ["ann"]
    assert backlog.take() == [], "of a user whose work was begun nothing is taken"
    backlog.finish(large)
    assert [work.user for work in backlog.take()] == ["much"]


async def test_what_is_read_while_a_user_is_worked_on_waits_for_its_own_turn() -> None:
    backlog, later = Backlog(START), Waiter("ann")
    read(backlog, [change("ann")], moment(1), [])
    begun = backlog.take()
    read(backlog, [change("ann", position=1)], moment(2), [later])

    backlog.finish(begun)

    assert not later.done.done()
    assert backlog.applied == moment(1)
    backlog.finish(backlog.take())
    assert later.done.done()
    assert backlog.applied == moment(2)


async def test_who_comes_while_their_changes_are_worked_on_waits_for_these() -> None:
    backlog, late = Backlog(START), Waiter("ann")
    read(backlog, [change("ann")], moment(1), [])
    begun = backlog.take()
    read(backlog, [], moment(2), [late])

    assert not late.done.done()
    backlog.finish(begun)
    assert late.done.done()
    assert backlog.applied == moment(2)


async def test_what_could_not_be_applied_is_taken_again_with_what_came_since() -> None:
    backlog, first, second = Backlog(START), Waiter("ann"), Waiter("ann")
    read(backlog, [change("ann", at=3.0)], moment(1), [first])
    begun = backlog.take()
    read(backlog, [change("ann", position=1)], moment(2), [second])

    backlog.put_back(begun)

    assert (backlog.changes, backlog.oldest, backlog.applied) == (2, 3.0, START)
    [work] = backlog.take()
    assert work.positions == {UUID(int=1): {0, 1}}
    backlog.finish([work])
    assert first.done.done()
    assert second.done.done()
    assert backlog.applied == moment(2)


async def test_a_read_counts_with_its_last_page_though_the_others_are_applied() -> None:
    backlog, ann, everyone = Backlog(START), Waiter("ann"), Waiter(None)
    backlog.add([change("ann"), change("ben")])
    backlog.finish(backlog.take())
    backlog.add([change("ann", position=1)])

    assert backlog.applied == START
    backlog.end_read(moment(5), [ann, everyone])
    assert (backlog.applied, ann.done.done(), everyone.done.done()) == (START, False, False)
    backlog.finish(backlog.take())
    assert (backlog.applied, ann.done.done(), everyone.done.done()) == (moment(5), True, True)


async def test_who_was_read_for_alone_waits_for_nothing_else() -> None:
    backlog, ann, ben = Backlog(START), Waiter("ann"), Waiter("ben")
    backlog.add([change("much"), change("ann")])

    backlog.wait(ann)
    backlog.wait(ben)

    assert (ann.done.done(), ben.done.done()) == (False, True)
    backlog.finish(backlog.take())
    assert ann.done.done()
    assert backlog.applied == START


async def test_a_failure_ends_all_waiting_and_keeps_the_work() -> None:
    backlog, ann, everyone, gone = Backlog(START), Waiter("ann"), Waiter(None), Waiter("ann")
    read(backlog, [change("ann")], moment(1), [ann, everyone, gone])
    gone.done.cancel()

    backlog.fail(ValueError("why"))

    assert [str(waiter.done.exception()) for waiter in (ann, everyone)] == ["why", "why"]
    assert backlog.changes == 1


@given(st.lists(st.one_of(st.lists(st.sampled_from("abc"), max_size=3), st.sampled_from(["take", "finish", "back"]))))
def test_the_position_never_passes_a_change_that_is_not_applied(steps: list[list[str] | str]) -> None:
    async def run() -> None:
        backlog, reads = Backlog(START), 0
        begun: list[Work] = []
        open_changes: dict[str, int] = {}  # the first read with a change of a user that is not applied
        started: dict[str, int] = {}
        for step in steps:
            if isinstance(step, list):
                reads += 1
                read(backlog, [change(user) for user in step], moment(reads), [])
                for user in step:
                    open_changes.setdefault(user, reads)
            elif step == "take" and not begun:
                begun = backlog.take()
                started = {work.user: open_changes.pop(work.user) for work in begun}
            elif step == "finish":
                backlog.finish(begun)
                begun, started = [], {}
            elif step == "back":
                backlog.put_back(begun)
                open_changes |= started
                begun, started = [], {}
            left = [*open_changes.values(), *started.values()]
            assert backlog.applied.position == (min(left) - 1 if left else reads)

    asyncio.run(run())
