"""A process of a model: started when needed, asked in turn, started again, and never in the way."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

import psutil
import pytest

from app.backoff import Backoff
from app.embedding.local.folder import LocalModel
from app.embedding.local.process import ModelEnded, ModelProcess
from app.errors import EmbeddingRefused, EmbeddingUnavailable
from tests.support.local_model import PROGRAM, starts, texts

Make = Callable[..., ModelProcess]


@pytest.fixture
async def make(local: LocalModel, backoff: Backoff) -> AsyncIterator[Make]:
    async with AsyncExitStack() as stack:

        def make(**given: object) -> ModelProcess:
            process = ModelProcess(local, "passage", **{"program": PROGRAM, "backoff": backoff, **given})  # type: ignore[arg-type]
            stack.push_async_callback(process.close)
            return process

        yield make


async def test_nothing_runs_before_the_first_text_and_one_process_takes_all(make: Make, local: LocalModel) -> None:
    process = make()
    assert process.pid is None
    assert starts(local) == []

    vectors = [await process.vector(text) for text in (b"a", b"bb", b"ccc")]

    assert [vector.index(1.0) for vector in vectors] == [1, 2, 3]
    [(kind, pid)] = starts(local)
    assert kind == "passage"
    assert psutil.Process(pid).is_running(), "it waits for the next"


async def test_texts_asked_for_at_once_each_get_their_own_vector(make: Make) -> None:
    process = make()

    vectors = await asyncio.gather(*(process.vector(b"x" * length) for length in range(1, 8)))

    assert [vector.index(1.0) for vector in vectors] == [1, 2, 3, 4, 5, 6, 7]


async def test_a_vector_that_nobody_waits_for_any_more_is_not_the_next_ones(make: Make, local: LocalModel) -> None:
    process = make()
    await process.vector(b"begin")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await process.vector(b"LATE")

    vector = await process.vector(b"xx")

    assert vector.index(1.0) == 2
    assert texts(local) == ["begin", "LATE", "xx"]
    assert len(starts(local)) == 1


async def test_a_process_that_is_killed_is_named_and_started_again_after_a_wait(local: LocalModel, make: Make) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    process = make(backoff=Backoff(first_s=1.0, longest_s=3.0, sleep=sleep, chance=lambda: 0.0))
    for _ in range(3):
        with pytest.raises(ModelEnded, match="the process of the model e5-small was ended by SIGKILL"):
            await process.vector(b"CRASH")
    await process.vector(b"a")

    assert waits == [1.0, 2.0, 3.0]
    assert len(starts(local)) == 4

    with pytest.raises(ModelEnded):
        await process.vector(b"CRASH")
    await process.vector(b"a")
    assert waits[3:] == [1.0], "a vector ends the row of failures"


async def test_one_that_computes_without_end_is_ended_by_the_kernel(make: Make) -> None:
    process = make()
    with pytest.raises(ModelEnded, match="was ended by SIGXCPU"):
        await process.vector(b"SPIN")
    assert (await process.vector(b"a")).index(1.0) == 1


async def test_one_that_gets_no_time_is_ended_and_the_text_not_blamed(make: Make, local: LocalModel) -> None:
    process = make(answer_s=0.2)
    with pytest.raises(EmbeddingUnavailable, match=r"gave no vector within 0\.2 s") as slow:
        await process.vector(b"HANG")
    assert not isinstance(slow.value, ModelEnded)

    [(_, pid)] = starts(local)
    assert not psutil.pid_exists(pid)


async def test_a_model_that_cannot_be_loaded_has_to_be_added_again(make: Make, local: LocalModel) -> None:
    local.weights.write_bytes(b"broken")

    with pytest.raises(EmbeddingRefused, match=r"cannot be loaded; as the server's user run: .* model add e5-small"):
        await make().vector(b"a")


async def test_what_others_may_change_is_never_started(make: Make, local: LocalModel) -> None:
    local.library.chmod(0o666)

    with pytest.raises(EmbeddingRefused, match="could be changed by other users"):
        await make().vector(b"a")
    assert starts(local) == []


async def test_it_learns_nothing_of_our_environment(
    make: Make, local: LocalModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADMIN_TOKEN", "cm_made-up")

    await make().vector(b"a")

    found = json.loads((local.folder / "environment").read_text(encoding="utf-8"))
    assert found.keys() <= {"PATH", "LC_ALL", "LC_CTYPE", "OMP_NUM_THREADS"}
    assert found["OMP_NUM_THREADS"] == "1"


async def test_closed_it_is_gone_and_may_be_closed_again(make: Make, local: LocalModel) -> None:
    process = make()
    await process.vector(b"a")
    [(_, pid)] = starts(local)

    await process.close()
    await process.close()

    assert not psutil.pid_exists(pid)
