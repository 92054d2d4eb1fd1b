"""Gets the relevance of texts while a search waits: in time, or not at all; a service that fails is left alone."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable, Sequence

from app import metrics
from app.errors import RerankRefused, RerankUnavailable
from app.fair_loop import shared
from app.measuring import METRICS
from app.reranking.client import RerankClient
from app.reranking.service import RerankService

logger = logging.getLogger(__name__)

PAUSE_S = 10.0  # after a failure, do not ask: searches would wait in vain
TOLD_S = 60.0  # how long a failure counts as the state of the service, though nobody asks it again
# Outcomes beside the codes of errors.
OK, LATE, PAUSED = "ok", "late", "paused"


class RerankInTime:
    """An app.memory.ports.Reranker."""

    def __init__(self, service: RerankService, limit_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        """limit_s: seconds that a search waits, for all of a call. clock: tests replace it."""
        self._client = RerankClient(service, lambda tokens: _count_tokens(service.model, tokens))
        self._host, self._limit_s, self._clock = service.host, limit_s, clock
        self._failing = self._refused = False
        self._problem: str | None = None
        self._failed_at = self._quiet_until = -math.inf

    @property
    def problem(self) -> str | None:
        """Why searches go without it, in one line; a refusal stays until a call succeeds, because only people help."""
        recent = self._clock() - self._failed_at < TOLD_S
        return self._problem if self._failing and (recent or self._refused) else None

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()

    async def relevances(self, question: str, texts: Sequence[str]) -> dict[int, float] | None:
        """Return the relevance of texts by their places, or None if it is not there in time. Raises nothing."""
        if self._clock() < self._quiet_until:
            _count(PAUSED)
            return None
        if self._failing:  # this search tries; those beside it do not wait too
            self._quiet_until = self._clock() + self._limit_s
        try:
            async with asyncio.timeout(self._limit_s):
                found = await shared(self._client.relevances(question, texts))
        except TimeoutError:
            self._failed(LATE, late(self._host, self._limit_s))
            return None
        except RerankUnavailable as error:
            self._failed(error.code, str(error), error.retry_after_s, refused=isinstance(error, RerankRefused))
            return None
        _count(OK)
        if self._failing:
            logger.info("%s orders results again", self._host)
        self._failing, self._quiet_until = False, -math.inf
        return found

    def _failed(self, outcome: str, problem: str, asked_s: float = 0.0, *, refused: bool = False) -> None:
        _count(outcome)
        if not self._failing:
            logger.warning("searching without the rerank service: %s", problem)
        self._failing, self._refused, self._problem = True, refused, problem
        self._failed_at = self._clock()
        self._quiet_until = self._failed_at + max(PAUSE_S, asked_s)


def late(host: str, limit_s: float) -> str:
    """Return what is said of a service that does not answer in time."""
    return f"{host} took longer than {limit_s:g} s (RERANK_SECONDS)"


def _count(outcome: str) -> None:
    METRICS.count(metrics.RERANKS, labels=(outcome,))


def _count_tokens(model: str, tokens: int) -> None:
    METRICS.count(metrics.MODEL_TOKENS, tokens, (model,))
