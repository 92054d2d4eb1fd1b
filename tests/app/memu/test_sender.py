"""The sender, on the real outbox and over HTTP: everything arrives once and in order, whatever goes wrong."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from app import metrics
from app.backoff import Backoff
from app.errors import MemuUnavailable, StoreUnavailable
from app.measuring import METRICS
from app.memory.outbox import Outbox, OutboxState
from app.memory.types import Scope
from app.memu.sender import AT_ONCE, Sender, SenderTimes
from app.memu.service import MemuService
from app.store.database import Database
from app.store.outbox import PostgresOutbox
from app.store.outbox_review import OutboxReview
from app.store.postgres import PostgresStore
from tests.standins.memu import Accepted, Misdeed, On, StandIn, Status
from tests.support.cli import url_of
from tests.support.outbox import handing_over, outbox_of, rows_in
from tests.support.rows import add_note, add_turns
from tests.support.serving import ROOT
from tests.support.waiting import until

AT_NO_TIME = SenderTimes(
    idle_s=0.01,
    backoff=Backoff(first_s=0.001, longest_s=0.001),
    key_pause_s=0.01,
    first_poll_s=0.0,
    longest_poll_s=0.0,
)
Make = Callable[..., Sender]


async def leads() -> bool:
    return True


@pytest.fixture
def store(database: Database) -> PostgresStore:
    return handing_over(database)


@pytest.fixture
def outbox(database: Database) -> PostgresOutbox:
    return outbox_of(database)


@pytest.fixture
def review(database: Database) -> OutboxReview:
    return OutboxReview(database)


@pytest.fixture
def make(outbox: PostgresOutbox, client_of: Callable[..., MemuService]) -> Make:
    """Make senders that wait for nothing."""

    def make(
        *,
        outbox: Outbox = outbox,
        service: MemuService | None = None,
        confirmed: Callable[[], Awaitable[bool]] = leads,
        times: SenderTimes = AT_NO_TIME,
        **client: Any,
    ) -> Sender:
        return Sender(outbox, service or client_of(**client), confirmed, times)

    return make


@asynccontextmanager
async def running(sender: Sender) -> AsyncIterator[None]:
    task = asyncio.create_task(sender.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def send_all(sender: Sender, outbox: PostgresOutbox) -> None:
    """Run until nothing waits."""

    async def empty() -> bool:
        return not (await outbox.depth()).waiting

    async with running(sender):
        await until(empty, "an outbox in which nothing waits")


class TestDelivering:
    @pytest.mark.parametrize("generation", ["v1", "v2", "v3", "v4"])
    async def test_what_is_written_arrives_and_leaves(
        self,
        make: Make,
        outbox: PostgresOutbox,
        store: PostgresStore,
        database: Database,
        standin: StandIn,
        alice: Scope,
        generation: str,
    ) -> None:
        standin.states = ("PENDING", "PROCESSING")
        await add_note(store, alice, "tea is good")
        await add_turns(store, alice, "talk", "hello there", "hello to you")

        await send_all(make(generation=generation), outbox)

        told = " ".join(standin.texts)
        assert all(text in told for text in ("tea is good", "hello there", "hello to you"))
        assert len(standin.taken) == 2
        assert await rows_in(database, "outbox", "memories", "receipts") == [0, 0, 3]
        assert standin.problems == []

    async def test_a_conversation_arrives_in_its_order_beside_others(
        self, make: Make, outbox: PostgresOutbox, store: PostgresStore, standin: StandIn, alice: Scope
    ) -> None:
        standin.states = ("PENDING",)
        for number in range(6):
            for talk in "abc":
                await add_turns(store, alice, talk, f"{talk}{number}")

        await send_all(make(), outbox)

        by_talk: dict[str, list[str]] = defaultdict(list)
        for text in standin.texts:
            by_talk[text[0]].append(text[1])
        assert by_talk == {talk: list("012345") for talk in "abc"}

    async def test_a_write_wakes_it(
        self, make: Make, outbox: PostgresOutbox, store: PostgresStore, standin: StandIn, alice: Scope
    ) -> None:
        sender = make(times=SenderTimes(idle_s=3_600.0, first_poll_s=0.0))
        async with running(sender):
            await until(lambda: sender.depth is not None, "the first look")
            await add_note(store, alice, "tea")
            sender.wake()
            await until(lambda: standin.texts == ["tea"], "the text")

    async def test_what_another_process_wrote_is_found(
        self, make: Make, store: PostgresStore, standin: StandIn, alice: Scope
    ) -> None:
        async with running(make()):
            await add_note(store, alice, "tea")
            await until(lambda: standin.texts == ["tea"], "the text")

    async def test_only_so_many_requests_are_made_at_once(
        self, make: Make, outbox: PostgresOutbox, store: PostgresStore, alice: Scope, client_of: Callable[..., Any]
    ) -> None:
        for number in range(3 * AT_ONCE):
            await add_note(store, alice, f"note {number}")
        service = client_of()
        memorize, now, most = service.memorize, 0, 0

        async def counted(entry: Any) -> Any:
            nonlocal now, most
            now += 1
            most = max(most, now)
            await until(lambda: most >= AT_ONCE, "the others")
            now -= 1
            return await memorize(entry)

        service.memorize = counted
        await send_all(make(service=service), outbox)

        assert most == AT_ONCE

    async def test_a_task_is_asked_about_less_and_less_often(
        self, make: Make, outbox: PostgresOutbox, store: PostgresStore, standin: StandIn, alice: Scope
    ) -> None:
        standin.states = ("PENDING",) * 20
        waits: list[float] = []

        class Noted(Spy):
            async def postpone(self, entry: Any, problem: str | None, wait_s: float) -> None:
                assert problem is None
                waits.append(wait_s)
                await outbox.postpone(entry, None, 0.0)

        await add_note(store, alice, "tea")
        times = SenderTimes(idle_s=0.01)
        [entry] = await outbox.due(1)
        sender = make(outbox=Noted(outbox), times=times)
        await sender.run_once()
        for _ in range(6):
            await outbox.postpone(entry, None, 0.0)
            await sender.run_once()

        assert waits == [4.0, 8.0, 16.0, 30.0, 30.0, 30.0]


class Spy:
    """An outbox that a test changes in a method."""

    def __init__(self, outbox: PostgresOutbox) -> None:
        self._outbox = outbox

    def __getattr__(self, name: str) -> Any:
        return getattr(self._outbox, name)


class TestFailures:
    @pytest.mark.parametrize(
        "trouble",
        [
            pytest.param(Misdeed.CLOSE_AFTER, id="taken, but the answer is lost"),
            pytest.param(Misdeed.CLOSE, id="the connection breaks before"),
            pytest.param(Misdeed.HTML, id="a proxy answers"),
            pytest.param(Status(500), id="failing"),
            pytest.param(Status(503, retry_after="0"), id="busy"),
            pytest.param(Status(429), id="too many requests"),
        ],
    )
    async def test_what_had_no_answer_is_repeated_as_it_was(
        self,
        make: Make,
        outbox: PostgresOutbox,
        store: PostgresStore,
        standin: StandIn,
        alice: Scope,
        trouble: Any,
    ) -> None:
        standin.trouble += [On("memorize", trouble)] * 3
        await add_turns(store, alice, "talk", "one")
        await add_turns(store, alice, "talk", "two")

        await send_all(make(), outbox)

        assert standin.texts == ["one", "two"]
        assert standin.problems == [], "no key came with another body"
        sent = [str(body) for _, path, body in standin.requests if path.endswith("/memorize")]
        assert len(sent) == 5
        assert len(set(sent[:4])) == 1

    async def test_a_question_about_a_task_that_fails_is_repeated(
        self, make: Make, outbox: PostgresOutbox, store: PostgresStore, standin: StandIn, alice: Scope
    ) -> None:
        standin.trouble += [On("task", Status(500))] * 2
        await add_note(store, alice, "tea")

        await send_all(make(tries=1), outbox)

        assert standin.texts == ["tea"]

    async def test_an_outage_is_told_once_and_tried_with_one_request_at_a_time(
        self,
        make: Make,
        outbox: PostgresOutbox,
        store: PostgresStore,
        standin: StandIn,
        alice: Scope,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        caplog.set_level(logging.INFO, "app.memu.sender")
        for number in range(10):
            await add_note(store, alice, f"note {number}")
        standin.always = On("memorize", Status(503))
        sender = make()

        async with running(sender):
            await until(lambda: len(standin.requests) > AT_ONCE + 5, "some attempts")
            assert sender.problem is not None
            assert "503" in sender.problem
            assert not sender.key_refused
            standin.always = None
            await until(lambda: len(standin.texts) == 10, "all texts")
            await until(lambda: sender.problem is None, "the end of the problem")

        told = [record.message for record in caplog.records]
        assert len(told) == 2
        assert told[0].startswith("nothing is sent to memU for now: 127.0.0.1 is busy or failing (503")
        assert told[1] == "memU answers again"

    async def test_the_pause_that_the_service_asks_for_is_kept(
        self, make: Make, store: PostgresStore, standin: StandIn, alice: Scope
    ) -> None:
        standin.always = On("memorize", Status(429, retry_after="40"))
        await add_note(store, alice, "tea")
        sender = make()

        assert await sender.run_once() == 40.0
        assert sender.problem is None, "that it was too fast is no problem yet"
        await add_note(store, alice, "coffee")
        assert await sender.run_once() == 40.0
        assert sender.problem is not None
        assert len(standin.requests) == 2

    async def test_an_entry_that_alone_makes_the_service_fail_holds_up_no_other(
        self,
        make: Make,
        outbox: PostgresOutbox,
        store: PostgresStore,
        standin: StandIn,
        alice: Scope,
        client_of: Callable[..., Any],
        review: OutboxReview,
    ) -> None:
        service = client_of()
        memorize = service.memorize

        async def failing(entry: Any) -> Any:
            if entry.messages[0].text == "poison":
                raise MemuUnavailable("memU fails (500)")
            return await memorize(entry)

        service.memorize = failing
        await add_note(store, alice, "poison")
        for number in range(5):
            await add_turns(store, alice, "talk", f"{number}")

        async def one_left() -> bool:
            return (await outbox.depth()).waiting == 1

        async with running(make(service=service)):
            await until(one_left, "all others")

        [row] = await review.list()
        assert (row.state, row.problem, row.attempts > 0) == (OutboxState.WAITING, "memU fails (500)", True)
        assert standin.texts == list("01234")

    async def test_a_key_that_is_refused_stops_all_until_it_is_taken(
        self,
        make: Make,
        outbox: PostgresOutbox,
        store: PostgresStore,
        standin: StandIn,
        alice: Scope,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        caplog.set_level(logging.WARNING, "app.memu.sender")
        standin.key = "another key"
        for number in range(3):
            await add_note(store, alice, f"note {number}")
        sender = make(key="the key")

        async with running(sender):
            await until(lambda: len(standin.requests) > 6, "some attempts")
            assert sender.key_refused
            assert "refuses the key" in str(sender.problem)
            assert "the key" not in str(sender.problem).replace("refuses the key", "")
            standin.key = "the key"
            await until(lambda: len(standin.texts) == 3, "all texts")
            await until(lambda: not sender.key_refused, "the end of the problem")
        assert len(caplog.records) == 1

    async def test_with_a_refused_key_it_waits_long_whoever_writes(
        self, make: Make, store: PostgresStore, standin: StandIn, alice: Scope
    ) -> None:
        await add_note(store, alice, "tea")
        sender = make(times=SenderTimes(key_pause_s=1_234.0), key="another")

        async with running(sender):
            await until(lambda: sender.key_refused, "the refusal")
            for _ in range(20):
                sender.wake()
                await asyncio.sleep(0)
            assert len(standin.requests) == 1

    async def test_a_problem_ends_when_nothing_waits_any_more(
        self, make: Make, store: PostgresStore, standin: StandIn, review: OutboxReview, alice: Scope
    ) -> None:
        standin.always = Status(503)
        await add_note(store, alice, "tea")
        sender = make()
        await sender.run_once()
        assert sender.problem is not None

        await review.drop([row.id for row in await review.list()], keeps=False)

        await sender.run_once()
        assert sender.problem is None


class TestRefusals:
    async def test_what_is_not_taken_is_kept_and_holds_nothing_up(
        self,
        make: Make,
        outbox: PostgresOutbox,
        store: PostgresStore,
        review: OutboxReview,
        standin: StandIn,
        alice: Scope,
    ) -> None:
        standin.trouble.append(On("memorize", Status(400)))
        await add_turns(store, alice, "talk", "refused")
        await add_turns(store, alice, "talk", "taken")
        sender = make()

        async with running(sender):
            await until(lambda: standin.texts == ["taken"], "the next turn")
            await until(lambda: sender.refusing is not None, "the report")
            assert sender.refusing == "memU refused 1 of the outbox; claude-memory outbox list --refused says why"
            assert sender.problem is None
            [row] = await review.list(state=OutboxState.REFUSED)
            assert "does not take what it was sent (400" in str(row.problem)
            assert [turn.text for turn in await store.of_conversation(alice, "talk", 9)][:1] == ["refused"]

            await review.retry(None)
            await until(lambda: standin.texts == ["taken", "refused"], "the refused one")
            await until(lambda: sender.refusing is None, "the end of the report")

    async def test_a_task_that_failed_is_kept_with_its_reason(
        self,
        make: Make,
        outbox: PostgresOutbox,
        store: PostgresStore,
        review: OutboxReview,
        standin: StandIn,
        alice: Scope,
    ) -> None:
        standin.ends = "FAILURE"
        await add_note(store, alice, "tea")

        await send_all(make(), outbox)

        [row] = await review.list()
        assert (row.state, row.problem) == (OutboxState.REFUSED, standin.detail)

    async def test_a_task_that_is_no_longer_known_is_left_to_a_person(
        self,
        make: Make,
        outbox: PostgresOutbox,
        store: PostgresStore,
        review: OutboxReview,
        standin: StandIn,
        alice: Scope,
    ) -> None:
        await add_note(store, alice, "tea")
        sender = make()
        await sender.run_once()
        standin.forget_tasks()

        await send_all(sender, outbox)

        [row] = await review.list()
        assert row.problem == f"memU no longer knows its task {row.task_id}; claude-memory outbox retry sends it again"


class TestLeading:
    async def test_a_process_that_may_not_lead_any_more_sends_nothing(
        self, make: Make, outbox: PostgresOutbox, store: PostgresStore, standin: StandIn, alice: Scope
    ) -> None:
        async def lost() -> bool:
            return False

        await add_note(store, alice, "tea")

        with pytest.raises(StoreUnavailable, match="nothing was sent"):
            await make(confirmed=lost).run_once()

        assert standin.requests == []
        await send_all(make(), outbox)
        assert standin.texts == ["tea"]

    async def test_what_was_forgotten_before_it_left_is_not_sent(
        self, make: Make, outbox: PostgresOutbox, store: PostgresStore, standin: StandIn, alice: Scope
    ) -> None:
        from app.memory.types import Selection

        id_ = await add_note(store, alice, "tea")

        class Forgetting(Spy):
            async def begin(self, entry: Any) -> bool:
                await store.forget(alice, Selection(ids=(id_,)), dry_run=False)
                return await outbox.begin(entry)

        await make(outbox=Forgetting(outbox)).run_once()

        assert standin.requests == []

    async def test_the_database_may_be_away_for_a_while(
        self, make: Make, outbox: PostgresOutbox, store: PostgresStore, standin: StandIn, alice: Scope
    ) -> None:
        class Away(Spy):
            left = 5

            async def due(self, limit: int) -> Any:
                self.left -= 1
                if self.left > 0:
                    raise StoreUnavailable("PostgreSQL does not answer")
                return await outbox.due(limit)

        await add_note(store, alice, "tea")
        async with running(make(outbox=Away(outbox))):
            await until(lambda: standin.texts == ["tea"], "the text")

    async def test_two_that_both_think_they_lead_send_nothing_that_counts_twice(
        self, make: Make, outbox: PostgresOutbox, store: PostgresStore, standin: StandIn, alice: Scope
    ) -> None:
        standin.states = ("PENDING",)
        expected = [f"{number}" for number in range(20)]
        for text in expected:
            await add_turns(store, alice, "talk", text)

        async with running(make()):
            await send_all(make(), outbox)

        assert standin.texts == expected
        assert standin.problems == []


class Killed(BaseException):
    """The process ends here."""


class Mortal:
    """Stands before an outbox or a service and kills at the n-th step; a step is the beginning or the end of a call."""

    def __init__(self, inner: Any, deaths: Deaths, names: tuple[str, ...]) -> None:
        self._inner, self._deaths, self._names = inner, deaths, names

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._inner, name)
        if name not in self._names:
            return attribute

        async def call(*arguments: Any, **named: Any) -> Any:
            self._deaths.step()
            result = await attribute(*arguments, **named)
            self._deaths.step()
            return result

        return call


class Deaths:
    """Counts steps and kills at one of them."""

    def __init__(self, at: int) -> None:
        self._left = at

    def step(self) -> None:
        self._left -= 1
        if self._left == 0:
            raise Killed


OUTBOX_CALLS = ("due", "begin", "accepted", "delivered", "postpone", "refuse", "depth", "seconds_to_next")


async def test_killed_at_any_step_nothing_is_lost_and_nothing_counts_twice(
    make: Make,
    outbox: PostgresOutbox,
    store: PostgresStore,
    database: Database,
    standin: StandIn,
    alice: Scope,
    client_of: Callable[..., MemuService],
) -> None:
    standin.states = ("PENDING",)
    expected: list[str] = []
    at, killed = 0, True
    while killed:
        at += 1
        expected.append(f"turn {at}")
        await add_turns(store, alice, "talk", expected[-1])
        deaths, service = Deaths(at), client_of()
        sender = make(
            outbox=Mortal(outbox, deaths, OUTBOX_CALLS), service=Mortal(service, deaths, ("memorize", "task"))
        )
        try:
            while (await outbox.depth()).waiting:
                await sender.run_once()
            killed = False
        except Killed:
            await send_all(make(), outbox)

        assert standin.texts == expected
        assert standin.problems == []
    assert at > 20, "there are as many steps"
    assert await rows_in(database, "outbox", "memories", "receipts") == [0, 0, len(expected)]


async def test_cancelled_at_any_moment_nothing_is_lost_and_nothing_counts_twice(
    make: Make, outbox: PostgresOutbox, store: PostgresStore, standin: StandIn, alice: Scope
) -> None:
    """A leader is cancelled when it loses its lock: at any await, also inside of a call."""
    standin.states = ("PENDING",)
    expected = [f"{number}" for number in range(12)]
    for text in expected:
        await add_turns(store, alice, "talk", text)

    rounds = 0
    while (await outbox.depth()).waiting:
        task = asyncio.create_task(make().run())
        for _ in range(rounds % 40):
            await asyncio.sleep(0.001)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        rounds += 1

    assert standin.texts == expected
    assert standin.problems == []
    assert rounds > 1


async def test_killed_by_the_system_nothing_is_lost_and_nothing_counts_twice(
    outbox: PostgresOutbox, store: PostgresStore, connect_arguments: dict[str, Any], standin: StandIn, alice: Scope
) -> None:
    standin.states = ("PENDING",)
    expected = [f"{number}" for number in range(30)]
    for text in expected:
        await add_turns(store, alice, "talk", text)
    command = [sys.executable, "-m", "tests.support.sending", url_of(connect_arguments), standin.url, standin.key]

    async def empty() -> bool:
        return not (await outbox.depth()).waiting

    for kill in range(5):
        process = await asyncio.create_subprocess_exec(*command, cwd=ROOT)
        try:
            if kill < 4:
                begun = len(standin.requests)
                await until(lambda begun=begun, kill=kill: len(standin.requests) > begun + kill, "a few requests")
            else:
                await until(empty, "an outbox in which nothing waits")
        finally:
            process.kill()
            await process.wait()

    assert standin.texts == expected
    assert standin.problems == []


async def test_requests_are_counted_by_outcome(
    make: Make, outbox: PostgresOutbox, store: PostgresStore, standin: StandIn, alice: Scope
) -> None:
    before = METRICS.by_label(metrics.MEMU_REQUESTS)
    standin.trouble += [On("memorize", Status(500)), On("memorize", Accepted())]
    await add_note(store, alice, "tea")

    await send_all(make(), outbox)

    counts = {
        labels: count - before.get(labels, 0.0) for labels, count in METRICS.by_label(metrics.MEMU_REQUESTS).items()
    }
    assert {labels: count for labels, count in counts.items() if count} == {
        ("memorize", "memu_unavailable"): 1.0,
        ("memorize", "ok"): 1.0,
        ("status", "ok"): 1.0,
    }
