"""A command runs again after the lock of a dead process and on 429, each so often at most."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest

from infra.aliyun.deployed.repeating import TRIES, Ended, repeated
from tests.infra.aliyun.deployed.test_locks import cancels, dead, locked
from tests.support.aliyun_stack import Stack

THROTTLED = "error: TooManyRequests"
Run = Callable[..., Ended]


@pytest.fixture
def run(stack: Stack, waits: list[float]) -> Run:
    """Runs a command that fails with these words in turn, and then succeeds."""

    def run(*said: str) -> Ended:
        left = iter(said)
        return repeated(
            lambda: next(left, None),
            "pulumi up",
            folder=stack.folder,
            stack="aliyun",
            say=lambda text: None,
            sleep=waits.append,
        )

    return run


def test_what_succeeds_runs_once(run: Run, waits: list[float]) -> None:
    assert (run(), waits) == (Ended(1), [])


def test_another_failure_is_not_repeated(run: Run, waits: list[float]) -> None:
    assert (run("error: 403"), waits) == (Ended(1, "error: 403"), [])


def test_too_many_requests_are_an_end_after_so_many_tries(run: Run, waits: list[float]) -> None:
    assert run(*[THROTTLED] * 20) == Ended(TRIES, THROTTLED, refused=True)
    assert len(waits) == TRIES - 1


@pytest.mark.parametrize("refused", range(TRIES))
def test_a_lock_is_removed_however_late_and_is_no_refusal(
    refused: int, run: Run, stack: Stack, waits: list[float]
) -> None:
    assert run(*[THROTTLED] * refused, locked(dead(), socket.gethostname())) == Ended(refused + 2)
    assert (cancels(stack), len(waits)) == (1, refused)


def test_a_lock_that_comes_again_and_again_is_told_as_what_it_is(run: Run, stack: Stack) -> None:
    lock = locked(dead(), socket.gethostname())

    assert run(*[lock] * 20) == Ended(TRIES + 1, lock)
    assert cancels(stack) == TRIES
