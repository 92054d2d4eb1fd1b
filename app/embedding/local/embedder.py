"""Turns texts into vectors with a model on this machine, in one process for questions and one for memories.

Two processes, so that a question does not wait for a memory that is computed in what the machine has left over. They
share the model's memory.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from app.backoff import Backoff
from app.embedding.local.folder import LocalModel
from app.embedding.local.process import BACKOFF, CHILD, ModelEnded, ModelProcess, Vector

# Time grows with length: 1,200 bytes are some 270 tokens in English, Chinese or emoji, and take half a second.
LIMIT_BYTES: dict[Literal["query", "passage"], int] = {"query": 600, "passage": 1_200}
_AT_ONCE = 16  # what a pass may have to compute again after an interruption
_PLAIN_TEXT = b"hello"
_UNIT_WITHIN = 0.01


class LocalEmbedder:
    """An app.memory.ports.Embedder. Starts its processes when they are needed; `close` ends them."""

    def __init__(self, local: LocalModel, *, program: Path = CHILD, backoff: Backoff = BACKOFF) -> None:
        """program: see ModelProcess."""
        self._local = local
        self._questions = ModelProcess(local, "query", program=program, backoff=backoff)
        self._memories = ModelProcess(local, "passage", program=program, backoff=backoff)

    @property
    def model(self) -> str:
        """The name under which the vectors are stored."""
        return self._local.name

    @property
    def at_once(self) -> int:
        """The best number of texts for one call of `embed`."""
        return _AT_ONCE

    async def close(self) -> None:
        """End the processes."""
        await self._questions.close()
        await self._memories.close()

    async def embed(self, texts: Sequence[str], kind: Literal["query", "passage"]) -> list[Vector | None]:
        """Return the unit vector of each text; None for a text at which the model fails.

        Texts are cut to LIMIT_BYTES. Raises EmbeddingUnavailable, and EmbeddingRefused when the model must be added
        again.
        """
        process = self._questions if kind == "query" else self._memories
        return [await _vector(process, sendable(text, LIMIT_BYTES[kind])) for text in texts]


async def _vector(process: ModelProcess, text: bytes) -> Vector | None:
    """Return a text's vector; None when the process ends at it twice, and not at another one."""
    try:
        return _unit(await process.vector(text))
    except ModelEnded:
        pass  # at this text, or by chance
    try:
        return _unit(await process.vector(text))
    except ModelEnded:
        await process.vector(_PLAIN_TEXT)
        return None


def sendable(text: str, limit_bytes: int) -> bytes:
    """Return a text in UTF-8, cut between characters; without NUL, which would end it, and without lone surrogates."""
    encoded = text[:limit_bytes].replace("\0", " ").encode("utf-8", "replace")
    return encoded[:limit_bytes].decode("utf-8", "ignore").encode()


def _unit(vector: Vector) -> Vector | None:
    """Return the vector if it is of length 1, as the model's are; None for anything else, which nothing resembles."""
    return vector if abs(math.hypot(*vector) - 1) < _UNIT_WITHIN else None
