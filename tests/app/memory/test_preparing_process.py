"""The process that prepares long texts: what it returns and raises, and when it ends."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path

import pytest

from app.errors import InvalidInput, Unavailable
from app.memory.analysis import analyse
from app.memory.preparing_process import NotStarted, PreparingProcess
from tests.support.waiting import until


@pytest.fixture
async def make() -> AsyncIterator[Callable[..., PreparingProcess]]:
    made: list[PreparingProcess] = []

    def process(**options: float) -> PreparingProcess:
        made.append(PreparingProcess(**options))
        return made[-1]

    yield process
    for one in made:
        await one.close()


def refuse() -> None:
    raise InvalidInput("text", "long", "something short")


def names_of_variables() -> list[str]:
    return list(os.environ)


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


async def test_calls_are_answered_by_one_process_with_what_they_return(make: Callable[..., PreparingProcess]) -> None:
    process = make()
    first, second = await process.run(os.getpid), await process.run(os.getpid)

    assert process.runs
    assert first == second != os.getpid()


async def test_an_analysis_is_the_same_there_with_its_terms_packed(make: Callable[..., PreparingProcess]) -> None:
    text = "Emeka 在巴黎住了三年, since May 2021. " * 2_000
    there, here = await make().run(partial(analyse, text)), analyse(text)

    assert tuple(there.terms) == here.terms
    assert memoryview(there.terms).itemsize == 4  # type: ignore[arg-type]  # an array has a buffer
    assert (there.words, there.asks, there.tells_time, there.tells_number, there.first_person) == (
        here.words,
        here.asks,
        here.tells_time,
        here.tells_number,
        here.first_person,
    )


async def test_an_error_is_raised_as_it_was_there_and_the_process_goes_on(
    make: Callable[..., PreparingProcess],
) -> None:
    process = make()
    pid = await process.run(os.getpid)
    with pytest.raises(InvalidInput, match=r"^text: got 'long', takes something short$") as error:
        await process.run(refuse)

    assert error.value.argument == "text"
    assert await process.run(os.getpid) == pid


async def test_what_is_printed_there_comes_between_no_replies(make: Callable[..., PreparingProcess]) -> None:
    process = make()
    await process.run(partial(print, "a line"))

    assert await process.run(partial(sum, (1, 2))) == 3


async def test_a_process_that_was_killed_costs_one_call(make: Callable[..., PreparingProcess]) -> None:
    process = make()
    with pytest.raises(Unavailable, match=r"the process that prepares long texts ended.*Nothing was stored"):
        await process.run(partial(signal.raise_signal, signal.SIGKILL))

    assert await process.run(partial(sum, (1, 2))) == 3


async def test_a_call_without_end_is_ended(make: Callable[..., PreparingProcess]) -> None:
    process = make(answer_s=0.5)
    with pytest.raises(Unavailable, match=r"took over 0\.5 s"):
        await process.run(partial(time.sleep, 60))

    assert not process.runs


async def test_a_call_that_is_cancelled_leaves_no_reply_for_the_next_one(make: Callable[..., PreparingProcess]) -> None:
    process = make()
    pid = await process.run(os.getpid)
    call = asyncio.create_task(process.run(partial(time.sleep, 60)))
    await asyncio.sleep(0.05)
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)

    assert await process.run(os.getpid) != pid
    assert is_gone(pid)


async def test_it_ends_when_it_has_nothing_to_do_and_starts_again(make: Callable[..., PreparingProcess]) -> None:
    process = make(idle_s=0.2)
    pid = await process.run(os.getpid)
    await until(lambda: is_gone(pid), "the end of the process")

    assert not process.runs
    assert await process.run(os.getpid) != pid


async def test_its_environment_holds_no_setting(
    make: Callable[..., PreparingProcess], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://ann:made-up@127.0.0.1/memories")
    names = await make().run(names_of_variables)

    assert "PYTHONPATH" in names
    assert "DATABASE_URL" not in names


async def test_it_ends_with_the_server_that_was_killed() -> None:
    code = (
        "import asyncio, os, signal\n"
        "from app.memory.preparing_process import PreparingProcess\n"
        "async def main():\n"
        "    print(await PreparingProcess().run(os.getpid), flush=True)\n"
        "    signal.raise_signal(signal.SIGKILL)\n"
        "asyncio.run(main())\n"
    )
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, cwd=Path(__file__).parents[3], stdout=asyncio.subprocess.PIPE
    )
    assert server.stdout is not None
    pid = int(await asyncio.wait_for(server.stdout.readline(), 30))
    await server.wait()

    await until(lambda: is_gone(pid), "the end of the process")


async def test_a_system_that_starts_no_process_is_told_apart(
    make: Callable[..., PreparingProcess], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no python"))
    with pytest.raises(NotStarted, match="No such file"):
        await make().run(os.getpid)
