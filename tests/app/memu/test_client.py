"""The client of memU: each call in each generation, and what it makes of all that can go wrong."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import MemoryServerError, MemuKeyRefused, MemuRefused, MemuUnavailable, NotOffered
from app.memu.client import ANSWER_LIMIT_BYTES, BACKOFF, MemuClient
from app.memu.service import Found, Generation, MemuService, Progress
from tests.app.memu.conftest import Make
from tests.standins.memu import HTML, KEY, Accepted, Misdeed, On, Slow, StandIn, Status, memu_service
from tests.support.memu import an_entry

EVERY = pytest.mark.parametrize("generation", list(Generation))
WITH_TASKS = pytest.mark.parametrize("generation", [Generation.V1, Generation.V2, Generation.V3])
TEXT = "Apples grow in Kent."


async def retrieve(client: MemuClient, query: str = "where do apples grow", within_s: float = 10.0) -> Found:
    return await client.retrieve("alice", "claude", query, 5, within_s=within_s)


CALLS: dict[str, Callable[[MemuClient], Any]] = {
    "memorize": lambda client: client.memorize(an_entry(TEXT)),
    "task": lambda client: client.task("task0001"),
    "retrieve": retrieve,
    "categories": lambda client: client.categories("alice", "claude"),
    "listed": lambda client: everything(client),
    "check": lambda client: client.check("alice", "claude"),
}
EACH_CALL = pytest.mark.parametrize("call", list(CALLS))


async def everything(client: MemuClient) -> list[str]:
    return [item.text async for item in client.listed("alice", "claude")]


class TestCalls:
    @EVERY
    async def test_what_was_handed_over_is_found(self, client_of: Make, standin: StandIn, generation: str) -> None:
        client = client_of(generation)

        task = await client.memorize(an_entry(TEXT))
        if task.id is not None:
            task = await client.task(task.id)
        found = await retrieve(client)

        assert task.progress is Progress.DONE
        assert [item.text for item in found.items] == [TEXT]
        assert standin.problems == []

    @EVERY
    async def test_a_repeated_handover_is_the_same_request_and_counts_once(
        self, client_of: Make, standin: StandIn, generation: str
    ) -> None:
        entry = an_entry(TEXT)

        assert await client_of(generation).memorize(entry) == await client_of(generation).memorize(entry)
        assert (standin.keys, standin.came, standin.problems) == ([str(entry.key)], {str(entry.key): 2}, [])

    @EVERY
    async def test_all_is_listed_that_one_agent_handed_over(
        self, client_of: Make, standin: StandIn, generation: Generation
    ) -> None:
        client = client_of(generation)
        for number in range(120):
            await client.memorize(an_entry(f"Text {number}."))
        await client.memorize(an_entry("Another agent's.", agent="other"))
        await client.memorize(an_entry("Another user's.", user="bob"))

        texts = await everything(client)

        expected = [f"Text {number}." for number in range(120)]
        assert sorted(texts) == sorted(expected if client.offers.items else [" ".join(expected)])
        assert sum(method == "GET" for method, _, _ in standin.requests) == (3 if generation is Generation.V4 else 0)

    @WITH_TASKS
    async def test_the_texts_of_all_agents_are_listed_when_none_is_named(
        self, client_of: Make, generation: str
    ) -> None:
        client = client_of(generation)
        await client.memorize(an_entry("One."))
        await client.memorize(an_entry("Two.", agent="other"))

        texts = [item.text async for item in client.listed("alice", None)]

        assert sorted(" ".join(texts).split()) == ["One.", "Two."]

    @WITH_TASKS
    async def test_subjects_are_listed(self, client_of: Make, generation: str) -> None:
        client = client_of(generation)
        assert await client.categories("alice", "claude") == []
        await client.memorize(an_entry(TEXT))

        [category] = await client.categories("alice", "claude")

        assert (category.name, category.description, category.summary) == ("event", "What happened", TEXT)

    async def test_what_a_generation_does_not_offer_is_not_asked_for(self, client_of: Make, standin: StandIn) -> None:
        client = client_of("v4")

        with pytest.raises(NotOffered):
            await client.categories("alice", "claude")
        with pytest.raises(NotOffered):
            _ = [item async for item in client.listed("alice", None)]
        assert standin.requests == []

    @EVERY
    async def test_a_check_says_who_answered_and_changes_nothing(
        self, client_of: Make, standin: StandIn, generation: str
    ) -> None:
        line = await client_of(generation).check("alice", "claude")

        assert line == f"127.0.0.1 speaks memU's API {generation} and takes the key"
        assert (len(standin.requests), standin.taken) == (1, [])

    async def test_an_answer_202_is_as_good(self, client_of: Make, standin: StandIn) -> None:
        standin.trouble.append(Accepted())

        assert (await client_of().memorize(an_entry(TEXT))).progress is Progress.UNDER_WAY

    async def test_an_address_may_end_with_a_slash(self, client_of: Make, standin: StandIn) -> None:
        assert await client_of("v4", base_url=f"{standin.url}/").check("alice", "claude")

    def test_it_is_a_service_of_memu(self, standin: StandIn) -> None:
        service: MemuService = MemuClient(standin.url, standin.key, Generation.V3)

        assert service.generation is Generation.V3


class TestTasks:
    @WITH_TASKS
    async def test_a_task_is_under_way_until_it_is_done(
        self, client_of: Make, standin: StandIn, generation: str
    ) -> None:
        standin.states, standin.ends = ("PENDING", "PROCESSING"), "COMPLETED"
        client = client_of(generation)
        task = await client.memorize(an_entry(TEXT))

        told = [(await client.task(task.id or "")).progress for _ in range(3)]

        assert task.progress is Progress.UNDER_WAY
        assert told == [Progress.UNDER_WAY, Progress.UNDER_WAY, Progress.DONE]

    @pytest.mark.parametrize("ends", ["FAILURE", "FAILED"])
    async def test_a_failed_task_is_refused_with_the_services_reason(
        self, client_of: Make, standin: StandIn, ends: str
    ) -> None:
        standin.ends = ends
        client = client_of()
        task = await client.task((await client.memorize(an_entry(TEXT))).id or "")

        assert (task.progress, task.problem) == (Progress.REFUSED, standin.detail)

    @pytest.mark.parametrize(
        ("detail", "shown"),
        [
            pytest.param(f"key {KEY} is wrong", "key *** is wrong", id="with the key"),
            pytest.param(f"key {KEY[:9]}\x00{KEY[9:]}", f"key {KEY[:9]} {KEY[9:]}", id="with parts of the key"),
            pytest.param("two\r\n lines\x1b[31m\u202e", "two lines [31m", id="with what cannot be seen"),
            pytest.param("x" * 300, "x" * 199 + "…", id="long"),
            pytest.param("x" * 190 + KEY, "x" * 190 + "***", id="with the key where it would be cut"),
        ],
    )
    async def test_a_reason_is_one_short_line_without_the_key(
        self, client_of: Make, standin: StandIn, detail: str, shown: str
    ) -> None:
        standin.ends, standin.detail = "FAILURE", detail
        client = client_of()

        assert (await client.task((await client.memorize(an_entry(TEXT))).id or "")).problem == shown

    @WITH_TASKS
    async def test_a_forgotten_task_is_told(self, client_of: Make, standin: StandIn, generation: str) -> None:
        client = client_of(generation)
        task = await client.memorize(an_entry(TEXT))
        standin.forget_tasks()

        with pytest.raises(MemuRefused, match=r"does not know the task any more \(404\)"):
            await client.task(task.id or "")


class TestStatus:
    @pytest.mark.parametrize("generation", [Generation.V3, Generation.V4])
    @pytest.mark.parametrize(
        ("status", "error", "told"),
        [
            (401, MemuKeyRefused, "check MEMU_API_KEY"),
            (402, MemuKeyRefused, "and the account"),
            (403, MemuKeyRefused, "check MEMU_API_KEY"),
            (404, MemuUnavailable, "does not speak memU's API v.* check MEMU_API_VERSION and MEMU_BASE_URL"),
            (405, MemuUnavailable, "does not speak memU's API"),
            (400, MemuRefused, "does not take what it was sent"),
            (422, MemuRefused, "does not take what it was sent"),
            (413, MemuRefused, "lower MAX_CONVERSATION_LENGTH"),
            (408, MemuUnavailable, "busy or failing"),
            (409, MemuUnavailable, "busy or failing"),
            (429, MemuUnavailable, "busy or failing"),
            (500, MemuUnavailable, "busy or failing"),
            (503, MemuUnavailable, "busy or failing"),
            (599, MemuUnavailable, "busy or failing"),
        ],
    )
    async def test_each_status_is_told_with_what_to_do_and_without_what_the_service_repeats(
        self,
        client_of: Make,
        standin: StandIn,
        generation: Generation,
        status: int,
        error: type[MemoryServerError],
        told: str,
    ) -> None:
        standin.always = Status(status)  # its body repeats the key and what was sent
        client = client_of(generation)

        for call in ("memorize", "retrieve", "check"):
            with pytest.raises(error, match=told) as raised:
                await CALLS[call](client)
            assert type(raised.value).code == error.code
            assert f"127.0.0.1 {str(raised.value).partition(' ')[2]}" == str(raised.value)
            assert str(status) in str(raised.value)
            for secret in (standin.key, "Apples", "apples"):
                assert secret not in str(raised.value)

    async def test_a_wrong_key_is_told(self, client_of: Make, standin: StandIn) -> None:
        with pytest.raises(MemuKeyRefused, match="refuses the key") as raised:
            await client_of(key="mu_wrong").check("alice", "claude")
        assert "mu_wrong" not in str(raised.value)

    @pytest.mark.parametrize("key", ["mu_\n", "mu_schlüssel", "mu_\ud800"])
    async def test_a_key_that_cannot_be_one_is_not_sent(self, client_of: Make, standin: StandIn, key: str) -> None:
        with pytest.raises(MemuKeyRefused, match="MEMU_API_KEY holds characters that no key has") as raised:
            await client_of(key=key).memorize(an_entry(TEXT))
        assert key not in str(raised.value)
        assert standin.requests == []

    @EVERY
    async def test_a_generation_that_is_not_spoken_is_told_at_once(
        self, client_of: Make, standin: StandIn, generation: str
    ) -> None:
        standin.speaks = ()
        client = client_of(generation)

        for call in ("memorize", "retrieve", "check", "listed"):
            with pytest.raises(MemuUnavailable, match=f"does not speak memU's API {generation}"):
                await CALLS[call](client)
        assert len(standin.requests) == 4

    @pytest.mark.parametrize(
        ("body", "shown"),
        [
            pytest.param({"message": "m", "details": [{"code": "MEMORY_ERROR"}]}, "422 MEMORY_ERROR", id="v4"),
            pytest.param({"detail": [{"type": "missing", "msg": "m"}]}, "422 missing", id="FastAPI"),
            pytest.param({"error": {"code": "too_long", "message": "m"}}, "422 too_long", id="an error"),
            pytest.param({"code": "a.b"}, "422 a.b", id="a code alone"),
            pytest.param({"code": f"{KEY}"}, "422", id="a key"),
            pytest.param({"code": "I like apples"}, "422", id="a text"),
            pytest.param({"detail": "secret"}, "422", id="a word that is no code"),
            pytest.param([1], "422", id="a list"),
        ],
    )
    async def test_a_refusal_has_a_code_if_it_looks_like_one(
        self, client_of: Make, standin: StandIn, body: Any, shown: str
    ) -> None:
        standin.trouble.append(Status(422, body=json.dumps(body).encode()))

        with pytest.raises(MemuRefused, match=rf"does not take what it was sent \({shown}\)$"):
            await client_of().memorize(an_entry(TEXT))

    async def test_a_key_that_looks_like_a_code_is_not_told(self, client_of: Make, standin: StandIn) -> None:
        standin.trouble.append(Status(401, body=b'{"code": "onlyletters"}'))

        with pytest.raises(MemuKeyRefused) as raised:
            await client_of(key="onlyletters").check("alice", "claude")
        assert "onlyletters" not in str(raised.value)

    async def test_a_redirect_is_not_followed_because_it_would_carry_the_key(
        self, client_of: Make, standin: StandIn
    ) -> None:
        with memu_service() as elsewhere:
            standin.always = Status(307, location=f"{elsewhere.url}/api/v3/memory/categories")

            with pytest.raises(MemuUnavailable, match=r"redirects \(307\); set MEMU_BASE_URL"):
                await client_of().check("alice", "claude")

            assert (len(standin.requests), elsewhere.requests) == (1, [])


class TestTries:
    @pytest.mark.parametrize(("call", "tries"), [("memorize", 1), ("retrieve", 1), ("task", 3), ("check", 3)])
    async def test_only_a_read_for_which_no_one_waits_is_tried_again(
        self, client_of: Make, standin: StandIn, call: str, tries: int
    ) -> None:
        standin.always = Status(503)

        with pytest.raises(MemuUnavailable):
            await CALLS[call](client_of())
        assert len(standin.requests) == tries

    @pytest.mark.parametrize(
        "failure", [Status(429), Status(502, body=HTML), Misdeed.CLOSE, Misdeed.HTML, Status(200, body=b"{}")]
    )
    async def test_what_passes_is_tried_again(self, client_of: Make, standin: StandIn, failure: Any) -> None:
        standin.trouble += [failure, failure]

        assert await client_of().check("alice", "claude")
        assert len(standin.requests) == 3

    @pytest.mark.parametrize("status", [401, 404, 422])
    async def test_what_does_not_pass_is_told_at_once(self, client_of: Make, standin: StandIn, status: int) -> None:
        standin.always = Status(status)

        with pytest.raises((MemuUnavailable, MemuRefused)):
            await client_of().check("alice", "claude")
        assert len(standin.requests) == 1

    async def test_a_service_that_wants_a_moment_gets_it(self, client_of: Make, standin: StandIn) -> None:
        standin.trouble.append(Status(429, retry_after="0.01"))

        assert await client_of().check("alice", "claude")
        assert len(standin.requests) == 2

    @pytest.mark.parametrize("call", ["memorize", "check", "retrieve"])
    async def test_one_that_wants_long_is_left_alone_and_it_is_told_for_how_long(
        self, client_of: Make, standin: StandIn, call: str
    ) -> None:
        standin.always = Status(503, retry_after="120")

        with pytest.raises(MemuUnavailable) as raised:
            await CALLS[call](client_of())
        assert (len(standin.requests), raised.value.retry_after_s) == (1, 120)

    async def test_it_waits_longer_after_each_failure_and_not_after_the_last(
        self, client_of: Make, standin: StandIn
    ) -> None:
        waited: list[float] = []

        async def sleep(wait_s: float) -> None:
            waited.append(wait_s)

        standin.always = Status(500)
        with pytest.raises(MemuUnavailable):
            await client_of(tries=4, backoff=replace(BACKOFF, sleep=sleep, chance=lambda: 0.0)).check("alice", "claude")

        assert (waited, len(standin.requests)) == ([0.5, 1.0, 2.0], 4)

    async def test_no_tries_at_all_are_one(self, client_of: Make) -> None:
        assert await client_of(tries=0).check("alice", "claude")


class TestTime:
    async def test_a_question_is_given_up_when_its_time_is_over(self, client_of: Make, standin: StandIn) -> None:
        standin.trouble.append(Misdeed.HANG)

        with pytest.raises(MemuUnavailable, match=r"did not answer within 0\.05 s"):
            await retrieve(client_of(), within_s=0.05)

    async def test_an_answer_that_never_ends_is_given_up_too(self, client_of: Make, standin: StandIn) -> None:
        standin.trouble.append(Misdeed.DRIP)

        with pytest.raises(MemuUnavailable, match=r"did not answer within 0\.2 s"):
            await retrieve(client_of(), within_s=0.2)

    @pytest.mark.parametrize("call", ["memorize", "task", "categories", "listed", "check"])
    async def test_every_other_call_has_a_limit_of_its_own(self, client_of: Make, standin: StandIn, call: str) -> None:
        standin.always = Misdeed.HANG

        with pytest.raises(MemuUnavailable, match=r"did not answer within 0\.05 s"):
            await CALLS[call](client_of(timeout_s=0.05, tries=2))

    async def test_a_late_answer_in_time_is_an_answer(self, client_of: Make, standin: StandIn) -> None:
        await client_of().memorize(an_entry(TEXT))
        standin.trouble.append(Slow(0.1))

        assert (await retrieve(client_of())).items

    async def test_after_a_call_was_cancelled_the_client_goes_on(self, client_of: Make, standin: StandIn) -> None:
        standin.trouble.append(Misdeed.HANG)
        client = client_of()
        call = asyncio.create_task(retrieve(client))
        await asyncio.to_thread(standin.arrived.wait, 10)
        call.cancel()

        with pytest.raises(asyncio.CancelledError):
            await call
        assert await client.check("alice", "claude")


class TestConnections:
    @EACH_CALL
    async def test_a_service_that_is_not_there_is_told(self, client_of: Make, standin: StandIn, call: str) -> None:
        client = client_of()
        standin.refuse_connections()

        with pytest.raises(MemuUnavailable, match=r"^127\.0\.0\.1 does not answer \(ConnectError\)$"):
            await CALLS[call](client)

    async def test_a_service_that_is_back_is_used_again(self, client_of: Make, standin: StandIn) -> None:
        client = client_of()
        await client.memorize(an_entry(TEXT))
        standin.refuse_connections()
        with pytest.raises(MemuUnavailable):
            await retrieve(client)
        standin.accept_connections()

        assert (await retrieve(client)).items

    async def test_work_without_an_answer_counts_once_when_it_is_repeated(
        self, client_of: Make, standin: StandIn
    ) -> None:
        standin.trouble.append(Misdeed.CLOSE_AFTER)
        client, entry = client_of(), an_entry(TEXT)

        with pytest.raises(MemuUnavailable, match="does not answer"):
            await client.memorize(entry)
        await client.memorize(entry)

        assert (standin.texts, standin.came[str(entry.key)], standin.problems) == ([TEXT], 2, [])

    @pytest.mark.parametrize("url", ["http://", "ftp://127.0.0.1"])
    async def test_an_address_that_is_none_is_told(self, client_of: Make, url: str) -> None:
        with pytest.raises(MemuUnavailable, match="does not answer"):
            await client_of(base_url=url).memorize(an_entry(TEXT))


class TestAnswers:
    @EACH_CALL
    @pytest.mark.parametrize("body", [HTML, b"", b"\xff\xfe", b"[" * 100_000, b"{"])
    async def test_what_is_not_json_is_told(self, client_of: Make, standin: StandIn, call: str, body: bytes) -> None:
        standin.always = Status(200, body=body)

        with pytest.raises(MemuUnavailable, match="something other than JSON; check MEMU_BASE_URL"):
            await CALLS[call](client_of())

    @EACH_CALL
    async def test_another_form_is_told(self, client_of: Make, standin: StandIn, call: str) -> None:
        standin.always = Status(200, body=b'{"secret": 1}')

        with pytest.raises(MemuUnavailable, match=r"in an unknown form \(no .*\); check MEMU_API_VERSION") as raised:
            await CALLS[call](client_of())
        assert "secret" not in str(raised.value)

    async def test_no_more_is_read_than_is_held_in_memory(self, client_of: Make, standin: StandIn) -> None:
        standin.trouble.append(Status(200, body=b"[" + b" " * ANSWER_LIMIT_BYTES + b"]"))

        with pytest.raises(MemuUnavailable, match="answers with more than 16 MB"):
            await retrieve(client_of())

    async def test_pages_that_go_in_a_circle_end(self, client_of: Make, standin: StandIn) -> None:
        page = {"recall_files": [{"id": "f", "content": "a"}], "next_cursor": "again"}
        standin.always = On("list", Status(200, body=json.dumps(page).encode()))

        with pytest.raises(MemuUnavailable, match="lists the same page again and again"):
            await everything(client_of("v4"))
        assert len(standin.requests) == 2


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just(KEY),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)
NAMES = [
    "categories",
    "content",
    "created_at",
    "detail",
    "detail_info",
    "error",
    "files",
    "happened_at",
    "id",
    "items",
    "memories",
    "memory",
    "memory_items",
    "message",
    "name",
    "next_cursor",
    "recall_files",
    "related_memories",
    "resources",
    "score",
    "segments",
    "status",
    "summary",
    "task_id",
    "text",
    "track",
]
LIKELY = st.recursive(
    JSON | st.sampled_from(["SUCCESS", "FAILURE", "PENDING", f"Bearer {KEY}", "2026-11-28T12:00:00Z"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=6),
    max_leaves=15,
)
BODIES = st.binary(max_size=40) | LIKELY.map(lambda value: json.dumps(value).encode())
STATUS = st.just(200) | st.sampled_from([201, 202, 300, 302, 400, 401, 404, 409, 418, 422, 429, 500, 502])


async def make_the_call(client: MemuClient, call: str) -> Any:
    return await CALLS[call](client)


@dataclass(frozen=True)
class Shared:
    """A service, and a client of each generation, for many examples."""

    standin: StandIn
    clients: dict[Generation, MemuClient]
    runner: asyncio.Runner


@pytest.fixture(scope="module")
def shared() -> Iterator[Shared]:
    with memu_service() as standin, asyncio.Runner() as runner:
        clients = {one: MemuClient(standin.url, standin.key, one, tries=1) for one in Generation}
        yield Shared(standin, clients, runner)
        for client in clients.values():
            runner.run(client.close())


@EACH_CALL
@EVERY
@given(body=BODIES, status=STATUS, retry_after=st.none() | st.text(st.characters(min_codepoint=33, max_codepoint=126)))
@settings(max_examples=50, deadline=None)
def test_any_answer_is_read_or_told_as_one_of_the_errors(
    shared: Shared, generation: Generation, call: str, body: bytes, status: int, retry_after: str | None
) -> None:
    shared.standin.always = Status(status, body=body, retry_after=retry_after)

    try:
        result = shared.runner.run(make_the_call(shared.clients[generation], call))
    except (MemuUnavailable, MemuRefused, NotOffered) as error:
        assert KEY not in str(error)
        assert str(error).isprintable()
    else:
        assert call not in ("memorize", "task") or KEY not in str(result.problem)
        assert r"\x00" not in repr(result)
        assert r"\ud8" not in repr(result)
