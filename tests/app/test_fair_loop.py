"""The order in which a fair loop runs what waits, on a real loop with a clock that only work advances."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import Context, ContextVar
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.fair_loop import (
    A_ROUND,
    CREDIT_S,
    OWN_SHARE,
    STRANGERS_AS_USERS,
    FairQueue,
    new_event_loop,
    shared,
    work_for_address,
    work_for_stranger,
    work_for_user,
    working_for,
)
from tests.support.waiting import until

Result = TypeVar("Result")


def run(work: Coroutine[Any, Any, Result]) -> Result:
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        return runner.run(work)


class Clock:
    """Seconds of work that were done: a busy machine doesn't change them."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


clock = Clock()


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.fair_loop.perf_counter", clock)


def run_timed(work: Coroutine[Any, Any, Result]) -> Result:
    """Run what is always busy: pauses are by the clock of work too."""
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.get_loop().time = clock  # type: ignore[method-assign]
        return runner.run(work)


def busy(seconds: float) -> None:
    clock.now_s += seconds


def as_user(name: str, work: Callable[..., Coroutine[Any, Any, None]], *arguments: Any) -> asyncio.Task[None]:
    async def begin() -> None:
        work_for_user(name)
        await work(*arguments)

    return asyncio.get_running_loop().create_task(begin(), context=Context())


def as_address(name: str, work: Callable[..., Coroutine[Any, Any, None]], *arguments: Any) -> asyncio.Task[None]:
    async def begin() -> None:
        work_for_address(name)
        await work(*arguments)

    return asyncio.get_running_loop().create_task(begin(), context=Context())


async def use_much(seconds: float) -> None:
    """Use the loop for so long, in callbacks of half a millisecond."""
    end = clock() + seconds
    while clock() < end:
        busy(0.0005)
        await asyncio.sleep(0)


async def load(ran: dict[str, int], name: str, end: float) -> None:
    """Use the loop until a time, and count the callbacks."""
    while clock() < end:
        busy(0.0002)
        ran[name] += 1
        await asyncio.sleep(0)


async def hop(hops: int, ran_meanwhile: list[str], name: str) -> None:
    for _ in range(hops):
        ran_meanwhile.append(name)
        await asyncio.sleep(0)


def test_a_user_who_calls_now_and_then_waits_for_one_callback_of_others_at_a_time() -> None:
    order: list[str] = []

    async def load(name: str) -> None:
        while "done" not in order:
            busy(0.0002)
            order.append(name)
            await asyncio.sleep(0)

    async def light() -> None:
        await asyncio.sleep(0.3)  # the others have used their credit
        del order[:]
        await hop(10, order, "light")
        order.append("done")

    async def all_() -> None:
        work = [as_user(f"heavy {number}", load, f"heavy {number}") for number in range(40)]
        await asyncio.gather(*work, as_user("light", light))

    run_timed(all_())
    assert order[: order.index("done")].count("light") == 10
    assert order.index("done") < 40, "a round of all others passed for each of its steps"


def test_heavy_users_share_the_loop_alike_however_many_calls_each_has() -> None:
    ran: dict[str, int] = {"one": 0, "forty": 0}

    async def all_() -> None:
        end = clock() + 1.0
        forty = (as_user("forty", load, ran, "forty", end) for _ in range(40))
        await asyncio.gather(as_user("one", load, ran, "one", end), *forty)

    run_timed(all_())
    assert 0.4 < ran["one"] / ran["forty"] < 2.5, ran


def test_addresses_without_a_token_have_the_share_of_a_few_users_together() -> None:
    ran = {"user": 0, "strangers": 0}

    async def all_() -> None:
        end = clock() + 1.0
        await asyncio.gather(
            as_user("user", load, ran, "user", end),
            *(as_address(f"127.0.1.{number}", load, ran, "strangers", end) for number in range(40)),
        )

    run_timed(all_())
    assert 0.4 < ran["user"] * STRANGERS_AS_USERS / ran["strangers"] < 2.5, ran


def test_the_servers_own_work_comes_first_and_leaves_others_a_third_of_the_loop() -> None:
    ran = {"own": 0, "user": 0}

    async def all_() -> None:
        end = clock() + 1.0
        loop = asyncio.get_running_loop()
        own = loop.create_task(load(ran, "own", end), context=Context())
        await asyncio.gather(own, *(as_user(f"user {number}", load, ran, "user", end) for number in range(40)))

    run_timed(all_())
    assert 0.4 < ran["user"] * OWN_SHARE / ran["own"] < 2.5, ran


def test_a_short_callback_of_the_server_goes_before_all_that_wait() -> None:
    queue, loop = FairQueue(), asyncio.new_event_loop()
    user = Context()
    user.run(work_for_user, "ada")
    calls = [asyncio.Handle(lambda: None, (), loop, user) for _ in range(100)]
    for handle in calls:
        queue.append(handle)
    assert queue.popleft() is calls[0]
    read = asyncio.Handle(lambda: None, (), loop, Context())
    queue.append(read)
    assert queue.popleft() is read
    loop.close()


def test_an_address_that_comes_now_and_then_goes_before_busy_ones() -> None:
    order: list[str] = []

    async def load(name: str) -> None:
        while "done" not in order:
            busy(0.0002)
            order.append(name)
            await asyncio.sleep(0)

    async def light() -> None:
        await asyncio.sleep(0.3)
        del order[:]
        await hop(10, order, "light")
        order.append("done")

    async def all_() -> None:
        work = [as_address(f"127.0.2.{number}", load, f"busy {number}") for number in range(40)]
        await asyncio.gather(*work, as_address("127.0.3.1", light))

    run_timed(all_())
    assert order.index("done") < 60, "it went in turn with the others"


def test_a_connection_is_a_users_from_the_token_on() -> None:
    """What was begun in the connection's context before, such as its reading, is the user's as well."""
    queue, loop = FairQueue(), asyncio.new_event_loop()
    strangers, connection = Context(), Context()
    strangers.run(work_for_address, "127.0.4.2")
    connection.run(work_for_address, "127.0.4.1")
    others = [asyncio.Handle(lambda: None, (), loop, strangers) for _ in range(4)]
    read = asyncio.Handle(lambda: None, (), loop, connection)
    for handle in others:
        queue.append(handle)
    assert queue.popleft() is others[0]
    busy(0.01)
    connection.copy().run(work_for_user, "ada")  # the request's task has a context of its own
    queue.append(read)
    assert queue.popleft() is read
    assert len(queue) == 3
    loop.close()


def test_the_next_request_of_a_connection_is_a_strangers_until_its_token_is_seen() -> None:
    """A proxy sends requests of many on one connection: who shows no token must not work at a user's expense."""

    def requests() -> list[str]:
        work_for_address("127.0.5.1")
        work_for_user("ada")
        first = working_for()
        work_for_stranger()
        return [first, working_for()]

    assert Context().run(requests) == ["ada", "127.0.5.1"]


def test_a_queue_that_was_left_in_the_middle_of_a_callback_hinders_no_other() -> None:
    user, loop = Context(), asyncio.new_event_loop()
    user.run(work_for_user, "ada")
    for _ in range(2):
        queue, handle = FairQueue(), asyncio.Handle(lambda: None, (), loop, user)
        queue.append(handle)
        assert queue.popleft() is handle
    loop.close()


def test_shared_work_is_no_users_and_keeps_the_rest_of_the_context() -> None:
    other: ContextVar[str] = ContextVar("other")
    seen: list[str] = []

    async def look() -> int:
        seen.extend((working_for(), other.get()))
        return 7

    async def call() -> None:
        other.set("kept")
        assert await shared(look()) == 7
        seen.append(working_for())

    async def main() -> None:
        await as_user("ada", call)

    run(main())
    assert seen == ["", "kept", "ada"]


def test_who_waits_for_shared_work_and_is_cancelled_cancels_it() -> None:
    ended: list[str] = []

    async def endless() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise

    async def main() -> None:
        waiting = asyncio.create_task(shared(endless()))
        await asyncio.sleep(0.01)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)

    run(main())
    assert ended == ["cancelled"]


def test_callbacks_from_other_threads_run_while_the_loop_is_busy() -> None:
    counted = 0

    def count() -> None:
        nonlocal counted
        counted += 1

    async def main() -> None:
        loop = asyncio.get_running_loop()

        def send() -> None:
            for _ in range(2_000):
                loop.call_soon_threadsafe(count)

        threads = [threading.Thread(target=send) for _ in range(4)]
        work = as_user("busy", use_much, 20.0)
        for thread in threads:
            thread.start()
        await work
        await until(lambda: counted == 8_000, "all callbacks")
        for thread in threads:
            thread.join()

    run(main())


def test_a_socket_stays_readable_without_being_read_twice() -> None:
    """A busy loop looks at its sockets again before it has run the callbacks of all that were readable."""
    read: list[int] = []

    def read_one(ours: socket.socket, number: int) -> None:
        ours.recv(10)
        read.append(number)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        pairs = [socket.socketpair() for _ in range(4 * A_ROUND)]
        for number, (ours, theirs) in enumerate(pairs):
            ours.setblocking(False)
            loop.add_reader(ours, read_one, ours, number)
            theirs.send(b"x")
        await until(lambda: len(read) >= len(pairs), "all sockets")
        for ours, theirs in pairs:
            loop.remove_reader(ours)
            ours.close()
            theirs.close()

    run(main())
    assert sorted(read) == list(range(4 * A_ROUND))


@given(st.lists(st.tuples(st.sampled_from(["own", "ada", "bob", "127.0.0.1", "127.0.0.2"]), st.booleans())))
def test_whatever_comes_every_callback_is_taken_once_and_each_accounts_in_order(steps: list[tuple[str, bool]]) -> None:
    queue, loop = FairQueue(), asyncio.new_event_loop()
    put: dict[str, list[asyncio.Handle]] = {}
    took: list[asyncio.Handle] = []
    contexts: dict[str, Context] = {}
    for name, takes in steps:
        if name not in contexts:
            contexts[name] = Context()
            if name != "own":
                contexts[name].run(work_for_address if name[0] == "1" else work_for_user, name)
        handle = asyncio.Handle(lambda: None, (), loop, contexts[name])
        put.setdefault(name, []).append(handle)
        queue.append(handle)
        if takes and len(queue):
            took.append(queue.popleft())
    while len(queue):
        took.append(queue.popleft())
    loop.close()
    for handles in put.values():
        assert [one for one in took if one in handles] == handles
    assert len(took) == len(steps)


def test_who_pauses_comes_back_with_no_more_than_the_credit() -> None:
    order: list[str] = []

    async def load(name: str, end: float) -> None:
        while clock() < end:
            order.append(name)
            busy(0.0005)
            await asyncio.sleep(0)

    async def late(end: float) -> None:
        await asyncio.sleep(3 * CREDIT_S)
        del order[:]
        await load("late", end)

    async def all_() -> None:
        end = clock() + 6 * CREDIT_S
        await asyncio.gather(as_user("first", load, "first", end), as_user("late", late, end))

    run_timed(all_())
    assert order.index("first") <= CREDIT_S / 0.0005 + 2


def test_a_client_of_asyncio_works_on_it() -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readline())
        await writer.drain()
        writer.close()

    async def ask(port: int, number: int) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"%d\n" % number)
        line = await reader.readline()
        writer.close()
        return line

    async def main() -> list[bytes]:
        async with await asyncio.start_server(echo, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            return await gather_all([ask(port, number) for number in range(100)])

    async def gather_all(asked: list[Awaitable[bytes]]) -> list[bytes]:
        return list(await asyncio.gather(*asked))

    assert run(main()) == [b"%d\n" % number for number in range(100)]
