"""Gives the system back the memory that the C library holds after large work, such as imports or filling an index."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from functools import cache


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
