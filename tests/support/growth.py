"""How work grows with its input: a bound that holds on a busy machine too, where seconds do not."""

from __future__ import annotations

import time
from collections.abc import Callable

LINEAR = 9.0  # of `growth` for four times the input: work in proportion gives 4, the square 16


def growth(work: Callable[[str], object], text: Callable[[int], str], characters: int, tries: int = 3) -> float:
    """Return how many times the CPU time of this thread four times the characters take; the least of some tries."""
    small, large = text(characters), text(4 * characters)
    work(small)  # reads tables, compiles patterns
    took = [min(_took(work, one) for _ in range(tries)) for one in (small, large)]
    return took[1] / max(took[0], 1e-5)


def _took(work: Callable[[str], object], text: str) -> float:
    began = time.thread_time()
    work(text)
    return time.thread_time() - began
