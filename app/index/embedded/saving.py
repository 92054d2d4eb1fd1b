"""Saves the parts of a user's index to files that begin with a stem of the user's own, and loads them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from app.index.embedded.files import read_segment, write_segment
from app.index.embedded.lists import Listed, new_name, read_list, remove_unlisted, write_list
from app.index.embedded.partition import Part, Parts, to_save
from app.index.embedded.segment import merged, nothing_dead


def save(stem: Path, user: str, parts: Parts, model: str = "") -> Parts:
    """Save parts, and return them as they are saved: those without a file, and smaller ones, have become one.

    model: whose vectors are kept. Raises OSError and Damaged.
    """
    stem.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    last = to_save(parts)
    kept, to_merge = parts[: len(parts) - last], parts[len(parts) - last :]
    kept = tuple(part for part in kept if part.alive.any())
    if any(part.alive.any() for part in to_merge):
        segment = merged([(part.segment, part.alive) for part in to_merge], model)
        name = new_name(stem, [part.file for part in parts if part.file is not None])
        write_segment(stem.with_name(name), segment)
        mapped = read_segment(stem.with_name(name))
        kept = (*kept, Part(mapped, nothing_dead(mapped), name))
    listed = [
        Listed(part.file, part.segment.size, np.packbits(part.alive).tobytes())
        for part in kept
        if part.file is not None
    ]
    write_list(stem, user, sum(part.points for part in kept), listed)
    remove_unlisted(stem, listed)
    return kept


def load(stem: Path, user: str) -> Parts:
    """Return the saved parts of a user; none if there are none. Raises Damaged."""
    return tuple(
        Part(
            read_segment(stem.with_name(one.file)),
            np.unpackbits(np.frombuffer(one.alive, "u1"), count=one.rows).astype(bool),
            one.file,
        )
        for one in read_list(stem, user)
    )
