"""Keeps one process that prepares long texts: starts it when it is needed, and ends it when it has nothing to do.

In the server itself they would take the interpreter from all other calls, and leave its memory in small free parts.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from app.errors import Unavailable
from app.fair_loop import shared
from app.memory import preparing_child
from app.memory.preparing_child import SIZE

T = TypeVar("T")

IDLE_S = 60.0
ANSWER_S = 60.0  # the largest request takes a few seconds
_END_S = 5.0
_PROGRAM = f"from {preparing_child.__name__} import main; main()"
# The process needs no setting, and none of the secrets that may be beside them.
_VARIABLES = ("PATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL")


class NotStarted(Exception):
    """The system starts no more processes."""


class PreparingProcess:
    """It is called from one place at a time."""

    def __init__(self, *, idle_s: float = IDLE_S, answer_s: float = ANSWER_S) -> None:
        """idle_s: seconds without a call after which the process ends. answer_s: seconds that a call may take."""
        self._idle_s, self._answer_s = idle_s, answer_s
        self._process: Process | None = None
        self._idle: asyncio.Task[None] | None = None

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def run(self, call: Callable[[], T]) -> T:
        """Return what a call, which has to be a pickle's, returns there; raise what it raises.

        Raises NotStarted, and Unavailable when the process ends or takes too long.
        """
        self._stay()
        process = await self._started()
        try:
            async with asyncio.timeout(self._answer_s):
                value, raised = await _ask(process, call)
        except (EOFError, ConnectionError):
            await self._end()
            raise Unavailable(_failed("ended; send less at a time, if this goes on")) from None
        except TimeoutError:
            await self._end()
            raise Unavailable(_failed(f"took over {self._answer_s:g} s; send less at a time")) from None
        except BaseException:
            await self._end()  # its reply would be taken for the next call's
            raise
        self._idle = asyncio.create_task(self._end_when_idle(), name="end of the process for long texts")
        if raised is not None:
            raise raised
        return value

    async def close(self) -> None:
        """End the process; idempotent."""
        self._stay()
        await self._end()

    def _stay(self) -> None:
        idle, self._idle = self._idle, None
        if idle is not None:
            idle.cancel()

    async def _end_when_idle(self) -> None:
        await asyncio.sleep(self._idle_s)
        self._idle = None
        await self._end()

    async def _started(self) -> Process:
        if self._process is not None and self._process.returncode is None:
            return self._process
        environment = {name: os.environ[name] for name in _VARIABLES if name in os.environ}
        try:
            self._process = await shared(
                asyncio.create_subprocess_exec(
                    sys.executable, "-c", _PROGRAM,
                    stdin=PIPE, stdout=PIPE, env={**environment, "PYTHONPATH": os.pathsep.join(sys.path)},
                )
            )  # fmt: skip
        except OSError as error:
            raise NotStarted(error.strerror) from None
        return self._process

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(ProcessLookupError):
            process.kill()  # it has nothing to save
        with suppress(TimeoutError):
            async with asyncio.timeout(_END_S):
                await process.wait()


async def _ask(process: Process, call: Callable[[], T]) -> tuple[T, Exception | None]:
    """Send a call and read its reply. A pickle is made and read in a thread: a large one takes 50 ms."""
    assert process.stdin is not None
    assert process.stdout is not None
    packed = await asyncio.to_thread(pickle.dumps, call, pickle.HIGHEST_PROTOCOL)
    process.stdin.write(SIZE.pack(len(packed)))
    process.stdin.write(packed)
    await process.stdin.drain()
    (size,) = SIZE.unpack(await process.stdout.readexactly(SIZE.size))
    reply = await process.stdout.readexactly(size)
    return await asyncio.to_thread(pickle.loads, reply)


def _failed(how: str) -> str:
    return f"the process that prepares long texts {how}. Nothing was stored, try again"
