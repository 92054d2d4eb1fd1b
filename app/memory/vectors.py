"""Packs the vectors of texts, and mixes a turn's vector with its neighbours'. Imported only when a model is set.

Vectors are stored as 16-bit floats: a third of the space in PostgreSQL and of the read time of 32-bit floats
(20,000 vectors of 1,024 numbers: 55 MB and 0.10 s against 164 MB and 0.25 s; as `real[]` 3.6 s), and a unit vector
loses less than 0.0001 of any cosine. The index stores them in the same form.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_STORED = np.dtype("<f2")
_BYTES = _STORED.itemsize

BEFORE = (0.5, 0.3)  # weight of the vector of the turn before, and of the one before that
AFTER = (0.4, 0.2)


def pack(vector: Sequence[float] | NDArray[np.float32]) -> bytes:
    """Return a unit vector in its stored form."""
    return np.asarray(vector, dtype=_STORED).tobytes()


def unpack(packed: bytes) -> list[float]:
    """Return the numbers of a packed vector."""
    return list(_read(packed).tolist())


def size_of(packed: bytes) -> int:
    """Return how many numbers a packed vector has."""
    return len(packed) // _BYTES


def mixed(turns: Sequence[bytes | None], at: int) -> bytes | None:
    """Return the vector of the turn at `at` mixed with its neighbours', which weigh less; None if it has none.

    turns: packed vectors of a session by position, all of one size; None where a turn is deleted or has none yet.
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


def _read(packed: bytes) -> NDArray[np.float32]:
    return np.frombuffer(packed, dtype=_STORED).astype(np.float32)
