"""The embedding parts of one process: what gives vectors, the vectors of questions, the pass over memories."""

from __future__ import annotations

from app import metrics
from app.embedding.client import EmbeddingClient
from app.embedding.local.embedder import LocalEmbedder
from app.embedding.local.folder import LocalModel
from app.embedding.pending import Pending
from app.embedding.questions import Questions
from app.embedding.service import EmbeddingService
from app.measuring import METRICS
from app.memory.ports import VectorStore


def embedder_of(source: EmbeddingService | LocalModel, tries: int) -> EmbeddingClient | LocalEmbedder:
    """Return what turns texts into vectors; close it. tries: attempts at a call of a service that fails temporarily."""
    if isinstance(source, LocalModel):
        return LocalEmbedder(source)
    return EmbeddingClient(source, tries, lambda tokens: METRICS.count(metrics.MODEL_TOKENS, tokens, (source.model,)))


class Embedding:
    """A source of vectors in use. `questions` is for searches; only the leader runs `pending.run`."""

    def __init__(self, source: EmbeddingService | LocalModel, vectors: VectorStore, tries: int) -> None:
        """tries: attempts at a call of a service that fails temporarily."""
        self.model = source.name
        self._embedder = embedder_of(source, tries)
        self.questions = Questions(self._embedder)
        self.pending = Pending(vectors, self._embedder)

    @property
    def problem(self) -> str | None:
        """Why questions or memories get no vectors now, in one line."""
        return self.questions.problem or self.pending.problem

    async def close(self) -> None:
        """Close all connections and end all processes; cancel `pending.run` first."""
        await self._embedder.close()
