"""Embeddings as a process runs them: the client, the vectors of questions, the pass over memories."""

from __future__ import annotations

from app import metrics
from app.embedding.client import EmbeddingClient
from app.embedding.pending import Pending
from app.embedding.questions import Questions
from app.embedding.service import Service
from app.measuring import METRICS
from app.memory.ports import VectorStore


class Embedding:
    """One service in use. `questions` is for searches; `pending.run` is for the leader of all processes."""

    def __init__(self, service: Service, vectors: VectorStore, tries: int) -> None:
        """tries: of a call that fails in a way that passes."""
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
        """End all connections; cancel `pending.run` before."""
        await self._client.close()
