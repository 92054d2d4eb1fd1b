"""The work beside answering calls that any process of a deployment may do: each kind is done by one at a time."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from app.worker.leader import EMBEDDING_LOCK, FEEDER_LOCK, HOUSEKEEPING_LOCK, while_leading

if TYPE_CHECKING:
    from app.embedding.running import Embedding
    from app.index.feeder import Feeder
    from app.store.database import Database
    from app.worker.housekeeping import Housekeeping


def background_work(
    db: Database, housekeeping: Housekeeping, feeder: Feeder | None, embedding: Embedding | None
) -> list[Coroutine[Any, Any, None]]:
    """Return what to run for ever, each under its own lock.

    feeder: None where each process has its own index. embedding: None where no model is set.
    """
    kinds = [(HOUSEKEEPING_LOCK, housekeeping.run)]
    if feeder is not None:
        kinds.append((FEEDER_LOCK, feeder.run))
    if embedding is not None:
        kinds.append((EMBEDDING_LOCK, embedding.pending.run))
    return [while_leading(db.lock(key), work) for key, work in kinds]
