"""Gives the system back memory that the C library would keep after large work, such as imports or large requests."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from functools import cache
from typing import Final

# Parameters of glibc's mallopt(3).
_M_MMAP_THRESHOLD: Final = -3
_M_ARENA_MAX: Final = -8
# Blocks of at least so many bytes, such as large bodies, are mappings of their own, which end with them. By itself
# glibc raises this to the size of the largest block that was freed, up to 32 MiB, and keeps such blocks in its heap.
_LARGE_BYTES: Final = 256 * 1024
# Each thread may otherwise get a heap of its own, up to eight for each processor, and what is free in one is of no use
# to the others.
_HEAPS: Final = 2


def keep_large_blocks_apart() -> None:
    """Let large blocks go back to the system when they are freed, and threads share heaps.

    Does nothing unless the C library is glibc.
    """
    if _trim() is not None:
        library = ctypes.CDLL(None)
        library.mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)
        library.mallopt(_M_ARENA_MAX, _HEAPS)


def give_memory_back() -> None:
    """Return free heap pages to the system; takes a millisecond or two. Does nothing unless the C library is glibc."""
    trim = _trim()
    if trim is not None:
        trim(0)


@cache
def _trim() -> Callable[[int], int] | None:
    if not sys.platform.startswith("linux"):
        return None
    try:
        return ctypes.CDLL(None).malloc_trim
    except AttributeError:  # musl has none
        return None
