"""SIGINT and SIGTERM reach the event loop, on systems with and without its own handlers."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator

import pytest

from app.process.signals import on_stop_signal

BOTH = (signal.SIGINT, signal.SIGTERM)


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """Give the process its own handlers back."""
    before = {number: signal.getsignal(number) for number in BOTH}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


async def stopped_by(number: signal.Signals) -> int:
    """Send a signal twice, and return how often it came."""
    came, twice = 0, asyncio.Event()

    def stop() -> None:
        nonlocal came
        came += 1
        if came == 2:
            twice.set()

    on_stop_signal(stop)
    os.kill(os.getpid(), number)
    await asyncio.sleep(0.01)  # pending signals of one number are one
    os.kill(os.getpid(), number)
    async with asyncio.timeout(5):
        await twice.wait()
    return came


@pytest.mark.parametrize("number", BOTH)
async def test_every_signal_calls_back(number: signal.Signals) -> None:
    assert await stopped_by(number) == 2


@pytest.mark.parametrize("number", BOTH)
async def test_a_loop_without_handlers_of_its_own_is_called_too(
    number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*_args: object) -> None:  # as Windows' loops do
        raise NotImplementedError

    monkeypatch.setattr(asyncio.get_running_loop(), "add_signal_handler", unknown)

    assert await stopped_by(number) == 2
