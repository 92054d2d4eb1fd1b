"""Gives every live memory a vector, in the background: new writes first, then the newest memories without one.

Nothing waits for it: until a memory has a vector, search finds it by its words. An interrupted pass loses at most
the vectors of one `run_once`, and makes them again; storing twice is harmless. With another model, or another size
or prefix, all memories lack a vector again and get new ones here.
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

_IDLE_S = 5.0  # how often to look for writes of other processes
BACKOFF = Backoff(first_s=2.0, longest_s=300.0)
_NEWEST = UUID(int=2**128 - 1)


class Pending:
    """The pass over memories without a vector. Only one process runs it at a time, the leader.

    `run` never returns; call `wake` after a write to make it look at once.
    """

    def __init__(
        self, vectors: VectorStore, embedder: Embedder, backoff: Backoff = BACKOFF, *, idle_s: float = _IDLE_S
    ) -> None:
        """idle_s: seconds between two looks for writes of other processes."""
        self._vectors = vectors
        self._embedder = embedder
        self._backoff = backoff
        self._idle_s = idle_s
        self._position: int | None = None  # where to read the log from; None before the first look
        self._older_than: UUID | None = None  # where the sweep through all memories is; None when it is done
        self._rejected: set[tuple[UUID, int]] = set()
        self._woken = asyncio.Event()
        self.problem: str | None = None  # why there are no new vectors now, in one line

    @property
    def sweeping(self) -> bool:
        """Whether the sweep through older memories goes on."""
        return self._older_than is not None

    def wake(self) -> None:
        """Report that something was written."""
        self._woken.set()

    async def run(self) -> None:
        """Embed what is pending and wait for more, for ever; after each failure of the service, wait longer."""
        try:
            await self._run()
        finally:
            self.problem = None  # another process runs it now, and reports its own

    async def _run(self) -> None:
        failures = 0
        while True:
            self._woken.clear()
            try:
                more = True
                while more:
                    more = await self.run_once() > 0 or self.sweeping
                    failures, self.problem = 0, None
            except StoreUnavailable as error:  # the database's heartbeat has logged it already
                logger.info("memories get no vectors for now: %s", error)
                await asyncio.sleep(self._idle_s)
            except EmbeddingUnavailable as error:
                failures += 1
                if self.problem is None:
                    logger.warning("memories get no vectors for now: %s", error)
                self.problem = str(error)
                if isinstance(
                    error, EmbeddingRefused
                ):  # only an operator can help: try as rarely as after many failures
                    await self._backoff.sleep(self._backoff.longest_s)
                else:
                    await self._backoff.wait(failures, error.retry_after_s)
            else:
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._idle_s):
                        await self._woken.wait()

    async def run_once(self, limit: int | None = None) -> int:
        """Embed and store at most `limit` memories, by default as many as the service takes at once; return how many.

        While `sweeping`, 0 does not mean that none are left. Raises EmbeddingUnavailable and StoreUnavailable; the
        next call finds what was not stored.
        """
        limit, model = limit or self._embedder.at_once, self._embedder.model
        if self._position is None:
            await self._begin_sweep()
        if (stored := await self._embed_changed(model, limit)) or self._older_than is None:
            return stored
        memories, older_than = await self._vectors.older(model, self._older_than, limit)
        stored = await self._embed(memories)
        self._older_than = older_than
        return stored

    async def _begin_sweep(self) -> None:
        """Start a sweep through all memories from the newest on, and read the log from now on."""
        self._position, self._older_than = await self._vectors.horizon(), _NEWEST

    async def _embed_changed(self, model: str, limit: int) -> int:
        """Embed the memories in the log's new entries."""
        assert self._position is not None
        try:
            memories, position = await self._vectors.changed(model, self._position, limit)
        except LogPruned:
            if self._older_than is None:
                await self._begin_sweep()
            return 0
        stored = await self._embed(memories)
        if len(memories) < limit:
            self._position = position
        elif not stored:  # the service rejects all of them: a sweep gets past them
            await self._begin_sweep()
        return stored

    async def _embed(self, memories: Sequence[Unembedded]) -> int:
        """Embed and store those that the service has not rejected before."""
        accepted = [memory for memory in memories if (memory.id, memory.version) not in self._rejected]
        if not accepted:
            return 0
        vectors = await self._embedder.embed([_text_to_embed(memory) for memory in accepted], "passage")
        embedded = []
        for memory, vector in zip(accepted, vectors, strict=True):
            if vector is None:
                self._rejected.add((memory.id, memory.version))
                logger.warning("memory %s gets no vector, only words: the embedding service rejects it", memory.id)
            else:
                embedded.append((memory, pack(vector)))
        return await self._vectors.store(self._embedder.model, embedded) if embedded else 0


def _text_to_embed(memory: Unembedded) -> str:
    """Return a memory's text in the form the models were measured with: a turn begins with its speaker."""
    return f"{memory.name}: {memory.text}" if memory.name else memory.text
