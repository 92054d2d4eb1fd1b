"""Keeps one process of a model: starts it when it is needed, asks it, and starts it again after it ended.

The model is foreign code that computes for seconds, so it never runs in the server: a crash costs one text, and its
time is taken from what others leave. It gets none of our environment, in which secrets may be.
"""

from __future__ import annotations

import asyncio
import os
import signal
import struct
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from contextlib import suppress
from pathlib import Path
from typing import Literal

from app.backoff import Backoff
from app.embedding.local.child import CANNOT_LOAD, NUMBER, REQUEST
from app.embedding.local.folder import LocalModel
from app.errors import EmbeddingRefused, EmbeddingUnavailable

CHILD = Path(__file__).with_name("child.py")
BACKOFF = Backoff(first_s=0.5, longest_s=60.0)
ANSWER_S = 1_800.0  # for a text of a second, in what a busy machine has left over; one without end uses up CPU_S
_END_S = 5.0
_NUMBERS = 2**32
# One thread: two would take the processor from the server.
_ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "OMP_NUM_THREADS": "1"}

Vector = tuple[float, ...]


class ModelEnded(EmbeddingUnavailable):
    """The process ended while it worked on a text."""


class ModelProcess:
    """One process of a model, for questions or for memories. It is asked for one text at a time."""

    def __init__(
        self,
        local: LocalModel,
        kind: Literal["query", "passage"],
        *,
        program: Path = CHILD,
        backoff: Backoff = BACKOFF,
        answer_s: float = ANSWER_S,
    ) -> None:
        """program: what is run; tests replace it. answer_s: seconds that one text may take."""
        self._local, self._kind, self._program = local, kind, program
        self._backoff, self._answer_s = backoff, answer_s
        self._reply = struct.Struct(f"={local.model.dimensions}f")
        self._turn = asyncio.Lock()
        self._process: Process | None = None
        self._asked = 0
        self._failures = 0  # in a row

    @property
    def pid(self) -> int | None:
        """The process's id; None while none runs."""
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    async def vector(self, text: bytes) -> Vector:
        """Return the vector of a text without NUL. After a failure, wait before the next start.

        Raises ModelEnded, EmbeddingUnavailable after answer_s, and EmbeddingRefused when the model must be added again.
        """
        async with self._turn:
            process = await self._started()
            try:
                async with asyncio.timeout(self._answer_s):
                    vector = await self._ask(process, text)
            except TimeoutError:
                self._process, self._failures = None, self._failures + 1
                await _end(process)
                raise EmbeddingUnavailable(  # not ModelEnded: the machine is slow, and not the text
                    f"the process of the model {self._local.model.name} gave no vector within {self._answer_s:g} s"
                ) from None
            except (EOFError, ConnectionError):
                raise await self._ended(process) from None
            self._failures = 0
            return vector

    async def close(self) -> None:
        """End the process; it has nothing to save."""
        if self._process is not None:
            process, self._process = self._process, None
            await _end(process)

    async def _started(self) -> Process:
        """Return the running process. Raises EmbeddingRefused."""
        if self._process is not None and self._process.returncode is None:
            return self._process
        if self._failures:
            await self._backoff.wait(self._failures)
        self._local.check_owner()
        model = self._local.model
        try:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-I", "-S", self._program, str(os.getpid()),
                self._local.library, self._local.weights, str(model.dimensions), self._kind,
                stdin=PIPE, stdout=PIPE, stderr=DEVNULL,
                env=_ENVIRONMENT, cwd=self._local.folder, start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            self._failures += 1
            raise EmbeddingUnavailable(
                f"the process of the model {model.name} cannot be started: {error.strerror}"
            ) from None
        return self._process

    async def _ask(self, process: Process, text: bytes) -> Vector:
        """Send a text and read its vector; vectors that nobody waits for any more come first."""
        assert process.stdin is not None
        assert process.stdout is not None
        number = self._asked = (self._asked + 1) % _NUMBERS
        process.stdin.write(REQUEST.pack(number, len(text)) + text)
        await process.stdin.drain()
        while True:
            reply = await process.stdout.readexactly(NUMBER.size + self._reply.size)  # whole, or left for the next
            if NUMBER.unpack_from(reply) == (number,):
                return self._reply.unpack_from(reply, NUMBER.size)

    async def _ended(self, process: Process) -> EmbeddingUnavailable:
        """Clean up after a process, and return the error that says how it ended."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_END_S):
                await process.wait()
        if process.returncode is None:
            await _end(process)
        status = process.returncode
        self._process = None
        self._failures += 1
        name = self._local.model.name
        if status == CANNOT_LOAD:
            return EmbeddingRefused(
                f"the model {name} cannot be loaded; as the server's user run: claude-memory model remove {name},"
                f" then model add {name}"
            )
        return ModelEnded(f"the process of the model {name} {_ending(status)}")


async def _end(process: Process) -> None:
    with suppress(ProcessLookupError):
        process.kill()
    with suppress(TimeoutError):
        async with asyncio.timeout(_END_S):
            await process.wait()


def _ending(status: int | None) -> str:
    if status is None:
        return "does not end"
    if status >= 0:
        return f"ended with status {status}"
    with suppress(ValueError):
        return f"was ended by {signal.Signals(-status).name}"
    return f"was ended by signal {-status}"
