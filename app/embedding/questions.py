"""The vectors of questions, while somebody waits for the answer: in time, from memory, or not at all."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections import OrderedDict

from app.errors import EmbeddingUnavailable
from app.memory.ports import Embedder
from app.memory.vectors import pack, unpack

logger = logging.getLogger(__name__)

_LIMIT_S = 1.0  # a search that waits longer is better answered by words
_PAUSE_S = 10.0  # after a failure: searches would wait for nothing
_TOLD_S = 60.0
_KEPT = 256  # questions; some 8 MB at 1,024 numbers


class Questions:
    """An app.memory.ports.QuestionVectors."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._kept: OrderedDict[str, tuple[float, ...]] = OrderedDict()
        self._failed_at = self._told_at = -math.inf
        self._problem: str | None = None

    @property
    def problem(self) -> str | None:
        """Why a question of the last minute was searched by words alone, in one line."""
        return self._problem if time.monotonic() - self._failed_at < _TOLD_S else None

    async def vector(self, question: str) -> tuple[float, ...] | None:
        """Return the question's unit vector, or None when it is not there in time."""
        if question in self._kept:
            self._kept.move_to_end(question)
            return self._kept[question]
        if time.monotonic() - self._failed_at < _PAUSE_S:
            return None
        try:
            async with asyncio.timeout(_LIMIT_S):
                [vector] = await self._embedder.embed([question], "query")
        except (EmbeddingUnavailable, TimeoutError) as error:
            problem = str(error) or f"the embedding service took longer than {_LIMIT_S:g} s for a question"
            now = time.monotonic()
            if now - self._told_at > _TOLD_S:
                logger.warning("searching by words alone: %s", problem)
                self._told_at = now
            self._problem, self._failed_at = problem, now
            return None
        self._problem = None
        if vector is not None:
            vector = tuple(unpack(pack(vector)))  # as memories' are: engines that round it get the same scores
            self._kept[question] = vector
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return vector
