"""Requests with large bodies take turns, and small ones never wait for them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest

from app.errors import Unavailable
from app.serve.large_requests import AT_ONCE, LARGE_BYTES, WAITING, LargeRequests
from tests.support.waiting import until

LARGE = b"x" * LARGE_BYTES
SMALL = b"{}"


def receiving(parts: Iterable[bytes]) -> Any:
    """Return a `receive` that gives the parts of a body, and then a disconnect."""
    waiting = list(parts)
    last = len(waiting)
    given = 0

    async def receive() -> dict[str, Any]:
        nonlocal given
        await asyncio.sleep(0)
        if given == last:
            return {"type": "http.disconnect"}
        given += 1
        return {"type": "http.request", "body": waiting[given - 1], "more_body": given < last}

    return receive


class Application:
    """Reads each body, and ends when it is let go."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.bodies: list[bytes] = []
        self.go = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.begun.append(scope["user"])
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        self.bodies.append(body)
        await self.go.wait()


async def send(message: Any) -> None:
    raise AssertionError(message)


def begin(
    large: LargeRequests, application: Application, user: str, body: Iterable[bytes], declared: bytes | None = None
) -> asyncio.Task[None]:
    return asyncio.create_task(large.run(user, declared, application, {"user": user}, receiving(body), send))


async def end(application: Application, *tasks: asyncio.Task[None]) -> None:
    application.go.set()
    await asyncio.gather(*tasks)


async def test_a_user_has_one_large_request_in_work_and_others_have_theirs() -> None:
    large, application = LargeRequests(), Application()
    tasks = [begin(large, application, "ada", [LARGE]) for _ in range(3)]
    tasks.append(begin(large, application, "bruno", [LARGE]))
    await until(lambda: len(application.begun) == 2, "one of each user")
    await asyncio.sleep(0.01)

    assert sorted(application.begun) == ["ada", "bruno"]
    await end(application, *tasks)
    assert application.bodies == [LARGE] * 4


async def test_only_a_few_are_in_work_however_many_users_have_one() -> None:
    large, application = LargeRequests(), Application()
    tasks = [begin(large, application, f"user {number}", [LARGE]) for number in range(3 * AT_ONCE)]
    await until(lambda: len(application.begun) == AT_ONCE, "those that may be in work")
    await asyncio.sleep(0.01)

    assert len(application.begun) == AT_ONCE
    await end(application, *tasks)
    assert len(application.bodies) == 3 * AT_ONCE


@pytest.mark.parametrize(
    ("body", "declared"),
    [
        pytest.param([SMALL], str(len(SMALL)).encode(), id="declared"),
        pytest.param([SMALL], None, id="without its length"),
        pytest.param([b"{", b"}"], None, id="in chunks"),
        pytest.param([SMALL], b"nonsense", id="with nonsense for its length"),
    ],
)
async def test_a_small_one_never_waits(body: list[bytes], declared: bytes | None) -> None:
    large, application = LargeRequests(), Application()
    tasks = [begin(large, application, "ada", [LARGE]) for _ in range(3)]
    await until(lambda: len(application.begun) == 1, "the large one")
    tasks.append(begin(large, application, "ada", body, declared))
    await until(lambda: SMALL in application.bodies, "the small one")
    await end(application, *tasks)


async def test_a_body_in_chunks_is_large_as_well_and_arrives_whole() -> None:
    large, application = LargeRequests(), Application()
    chunks = [bytes([65 + number]) * 10_000 for number in range(LARGE_BYTES // 10_000 + 1)]
    tasks = [begin(large, application, "ada", chunks) for _ in range(2)]
    await until(lambda: len(application.begun) == 1, "the first")
    await asyncio.sleep(0.01)

    assert len(application.begun) == 1
    await end(application, *tasks)
    assert application.bodies == [b"".join(chunks)] * 2


async def test_a_client_that_leaves_in_the_middle_is_told_to_the_application() -> None:
    large, application = LargeRequests(), Application()
    application.go.set()

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    await large.run("ada", str(2 * LARGE_BYTES).encode(), application, {"user": "ada"}, receive, send)
    assert application.bodies == [b""]


async def test_of_too_many_that_wait_the_next_is_refused_and_no_other_user_is() -> None:
    large, application = LargeRequests(), Application()
    tasks = [begin(large, application, "ada", [LARGE]) for _ in range(WAITING + 1)]
    await until(lambda: len(application.begun) == 1, "the first")
    await asyncio.sleep(0.01)

    with pytest.raises(Unavailable, match=f"{WAITING} large requests of this user wait"):
        await begin(large, application, "ada", [LARGE])
    tasks.append(begin(large, application, "bruno", [LARGE]))
    await until(lambda: "bruno" in application.begun, "another user's")
    await end(application, *tasks)


async def test_one_that_fails_gives_its_turn_back() -> None:
    large = LargeRequests()

    async def failing(scope: Any, receive: Any, send: Any) -> None:
        raise ValueError("no")

    for _ in range(2 * AT_ONCE):
        with pytest.raises(ValueError, match="no"):
            await large.run("ada", None, failing, {}, receiving([LARGE]), send)
