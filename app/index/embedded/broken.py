"""Turns what goes wrong with the files of the index into the errors of an engine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from app.datadir.space import words_for
from app.errors import IndexUnavailable
from app.index.embedded.lists import Damaged
from app.index.engine import EngineAway


@contextmanager
def broken(operation: str) -> Iterator[None]:
    """Turn errors of files into IndexUnavailable that names the operation, or EngineAway for a full disk."""
    try:
        yield
    except OSError as error:
        if words := words_for(error):
            raise EngineAway(f"the search index failed to {operation}: {words}") from error
        raise IndexUnavailable(
            f"the search index failed to {operation} ({type(error).__name__}); it will be rebuilt"
        ) from error
    except Damaged as error:
        raise IndexUnavailable(f"the search index failed to {operation}: {error}; it will be rebuilt") from error
