"""How vectors of texts are kept, and what a turn's becomes beside its neighbours. Imported only where a model is set.

A vector is kept as 16-bit floats: a third of the room in PostgreSQL and of the time to read it that 32-bit floats
take (20,000 of 1,024 numbers: 55 MB and 0.10 s against 164 MB and 0.25 s; as `real[]` 3.6 s), and a unit vector
loses less than 0.0001 of any cosine. The index keeps it in the same form.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_KEPT = np.dtype("<f2")
_BYTES = _KEPT.itemsize

BEFORE = (0.5, 0.3)  # what the vector of the turn before counts for a turn's, and that of the one before that
AFTER = (0.4, 0.2)


def pack(vector: Sequence[float] | NDArray[np.float32]) -> bytes:
    """Return a unit vector as it is kept."""
    return np.asarray(vector, dtype=_KEPT).tobytes()


def unpack(kept: bytes) -> list[float]:
    """Return the numbers of a kept vector."""
    return list(_read(kept).tolist())


def size_of(kept: bytes) -> int:
    """Return how many numbers a kept vector has."""
    return len(kept) // _BYTES


def mixed(turns: Sequence[bytes | None], at: int) -> bytes | None:
    """Return the vector of the turn at `at` with, counting less, those of its neighbours; None where it has none.

    turns: kept vectors of a session by position, all of one size; None where a turn is gone or has none yet.
    """
    own = turns[at]
    if own is None:
        return None
    total = _read(own)
    for weights, step in ((BEFORE, -1), (AFTER, 1)):
        place = at
        for weight in weights:
            place += step
            if not 0 <= place < len(turns):
                break
            if (neighbour := turns[place]) is not None:
                total = total + np.float32(weight) * _read(neighbour)
    length = float(np.linalg.norm(total))
    return pack(total / np.float32(length)) if length > 0 else own


def _read(kept: bytes) -> NDArray[np.float32]:
    return np.frombuffer(kept, dtype=_KEPT).astype(np.float32)
