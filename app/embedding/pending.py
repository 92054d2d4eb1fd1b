"""Gives every live memory a vector, in the background: what is written now first, then the newest that lack one.

Nothing waits for it: a memory is found by its words until its vector is there. A pass that is cut short loses
at most the vectors of one `run_once`, and repeats them; storing twice is harmless. With another model, or another
size or prefix of it, all memories are without a vector again and get their new ones here.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from uuid import UUID

from app.backoff import Backoff
from app.errors import EmbeddingRefused, EmbeddingUnavailable, StoreUnavailable
from app.memory.change_log import LogPruned
from app.memory.ports import Embedder, Unembedded, VectorStore
from app.memory.vectors import pack

logger = logging.getLogger(__name__)

_IDLE_S = 5.0  # writes of other processes are looked for this often
BACKOFF = Backoff(first_s=2.0, longest_s=300.0)
_NEWEST = UUID(int=2**128 - 1)


class Pending:
    """The pass over memories without a vector. One process of all runs it at a time, the leader.

    `run` goes on for ever; call `wake` after a write to have it look at once.
    """

    def __init__(self, vectors: VectorStore, embedder: Embedder, backoff: Backoff = BACKOFF) -> None:
        self._vectors = vectors
        self._embedder = embedder
        self._backoff = backoff
        self._position: int | None = None  # where to read the log from; None before the first look
        self._older_than: UUID | None = None  # where the sweep through all memories is; None when it is through
        self._refused: set[tuple[UUID, int]] = set()
        self._woken = asyncio.Event()
        self.problem: str | None = None  # why there are no new vectors now, in one line

    @property
    def sweeping(self) -> bool:
        """Whether older memories are still being looked through."""
        return self._older_than is not None

    def wake(self) -> None:
        """Tell that something was written."""
        self._woken.set()

    async def run(self) -> None:
        """Embed what is pending, wait for more, for ever; leave a service that fails alone for longer and longer."""
        try:
            await self._run()
        finally:
            self.problem = None  # another process is at it now, and knows

    async def _run(self) -> None:
        failures = 0
        while True:
            self._woken.clear()
            try:
                more = True
                while more:
                    more = await self.run_once() > 0 or self.sweeping
                    failures, self.problem = 0, None
            except StoreUnavailable as error:  # whoever watches the database has said it already
                logger.info("memories get no vectors for now: %s", error)
                await asyncio.sleep(_IDLE_S)
            except EmbeddingUnavailable as error:
                failures += 1
                if self.problem is None:
                    logger.warning("memories get no vectors for now: %s", error)
                self.problem = str(error)
                if isinstance(error, EmbeddingRefused):  # only an operator can help: as seldom as after many failures
                    await self._backoff.sleep(self._backoff.longest_s)
                else:
                    await self._backoff.wait(failures, error.retry_after_s)
            else:
                with suppress(TimeoutError):
                    async with asyncio.timeout(_IDLE_S):
                        await self._woken.wait()

    async def run_once(self, limit: int | None = None) -> int:
        """Embed and store at most `limit` memories, by default what the service takes at once; return how many.

        0 says nothing about the rest while `sweeping`. Raises EmbeddingUnavailable and StoreUnavailable; what was
        not stored is found again.
        """
        limit, model = limit or self._embedder.at_once, self._embedder.model
        if self._position is None:
            await self._begin_sweep()
        if (stored := await self._run_changed(model, limit)) or self._older_than is None:
            return stored
        found, older_than = await self._vectors.older(model, self._older_than, limit)
        stored = await self._embed(found)
        self._older_than = older_than
        return stored

    async def _begin_sweep(self) -> None:
        """Look through all memories from the newest on, and through the log from here on."""
        self._position, self._older_than = await self._vectors.horizon(), _NEWEST

    async def _run_changed(self, model: str, limit: int) -> int:
        """Embed what the log tells of."""
        assert self._position is not None
        try:
            found, position = await self._vectors.changed(model, self._position, limit)
        except LogPruned:
            if self._older_than is None:
                await self._begin_sweep()
            return 0
        stored = await self._embed(found)
        if len(found) < limit:
            self._position = position
        elif not stored:  # the service takes none of them: a sweep goes past them to the others
            await self._begin_sweep()
        return stored

    async def _embed(self, memories: Sequence[Unembedded]) -> int:
        """Embed and store those that the service has not refused already."""
        wanted = [one for one in memories if (one.id, one.version) not in self._refused]
        if not wanted:
            return 0
        vectors = await self._embedder.embed([_said(one) for one in wanted], "passage")
        embedded = [(one, pack(vector)) for one, vector in zip(wanted, vectors, strict=True) if vector is not None]
        for one, vector in zip(wanted, vectors, strict=True):
            if vector is None:
                self._refused.add((one.id, one.version))
                logger.warning("memory %s is found by its words alone: the embedding service does not take it", one.id)
        return await self._vectors.store(self._embedder.model, embedded) if embedded else 0


def _said(memory: Unembedded) -> str:
    """Return a memory's text as the models were tried with it: a turn begins with its speaker."""
    return f"{memory.name}: {memory.text}" if memory.name else memory.text
