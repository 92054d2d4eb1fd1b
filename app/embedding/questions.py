"""Gets the vectors of questions while a search waits: from a cache, from the service in time, or not at all."""

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

_LIMIT_S = 1.0  # rather than wait longer, a search uses words alone
_PAUSE_S = 10.0  # after a failure, do not ask: searches would wait in vain
_LOG_EVERY_S = 60.0
_CACHED_QUESTIONS = 256  # some 8 MB at 1,024 numbers


class Questions:
    """An app.memory.ports.QuestionVectors."""

    def __init__(
        self, embedder: Embedder, *, limit_s: float = _LIMIT_S, cached_questions: int = _CACHED_QUESTIONS
    ) -> None:
        """limit_s: seconds that a search waits for a vector. cached_questions: how many vectors are kept in memory."""
        self._embedder = embedder
        self._limit_s, self._cached_questions = limit_s, cached_questions
        self._cache: OrderedDict[str, tuple[float, ...]] = OrderedDict()
        self._failed_at = self._logged_at = -math.inf
        self._problem: str | None = None

    @property
    def problem(self) -> str | None:
        """Why a search of the last minute used words alone, in one line."""
        return self._problem if time.monotonic() - self._failed_at < _LOG_EVERY_S else None

    async def vector(self, question: str) -> tuple[float, ...] | None:
        """Return the question's unit vector, or None if it is not ready in time."""
        if question in self._cache:
            self._cache.move_to_end(question)
            return self._cache[question]
        if time.monotonic() - self._failed_at < _PAUSE_S:
            return None
        try:
            async with asyncio.timeout(self._limit_s):
                [vector] = await self._embedder.embed([question], "query")
        except (EmbeddingUnavailable, TimeoutError) as error:
            problem = str(error) or f"the embedding service took longer than {self._limit_s:g} s for a question"
            now = time.monotonic()
            if now - self._logged_at > _LOG_EVERY_S:
                logger.warning("searching by words alone: %s", problem)
                self._logged_at = now
            self._problem, self._failed_at = problem, now
            return None
        self._problem = None
        if vector is not None:
            vector = tuple(unpack(pack(vector)))  # rounded as memories' vectors are: every engine gets the same scores
            self._cache[question] = vector
            if len(self._cache) > self._cached_questions:
                self._cache.popitem(last=False)
        return vector
