"""The embedding parts of one process: the client, the vectors of questions, the pass over memories."""

from __future__ import annotations

from app import metrics
from app.embedding.client import EmbeddingClient
from app.embedding.pending import Pending
from app.embedding.questions import Questions
from app.embedding.service import EmbeddingService
from app.measuring import METRICS
from app.memory.ports import VectorStore


class Embedding:
    """An embedding service in use. `questions` is for searches; only the leader runs `pending.run`."""

    def __init__(self, service: EmbeddingService, vectors: VectorStore, tries: int) -> None:
        """tries: attempts at a call that fails temporarily."""
        self._model = service.model
        self._client = EmbeddingClient(service, tries, self._count)
        self.questions = Questions(self._client)
        self.pending = Pending(vectors, self._client)

    def _count(self, tokens: int) -> None:
        METRICS.count(metrics.MODEL_TOKENS, tokens, (self._model,))

    @property
    def problem(self) -> str | None:
        """Why questions or memories get no vectors now, in one line."""
        return self.questions.problem or self.pending.problem

    async def close(self) -> None:
        """Close all connections; cancel `pending.run` first."""
        await self._client.close()
