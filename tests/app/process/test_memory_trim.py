"""Memory that the C library keeps goes back to the system."""

from __future__ import annotations

import ctypes
import subprocess
import sys

import pytest

from app.process import memory_trim
from app.process.memory_trim import give_memory_back, keep_large_blocks_apart
from tests.support.serving import ROOT

# In a process of its own: what the heap of this one looks like depends on all tests before.
PROGRAM = """
import ctypes
from app.process.memory_trim import give_memory_back

def resident_mb():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 / 1e6

libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_size_t], [ctypes.c_void_p]
blocks = [libc.malloc(100_000) for _ in range(1_000)]  # smaller than what gets a mapping of its own
for block in blocks:
    ctypes.memset(block, 1, 100_000)
libc.malloc(100_000)  # so that the heap cannot shrink at its end
for block in blocks:
    libc.free(block)
held = resident_mb()
give_memory_back()
print(held - resident_mb())
"""


# glibc keeps blocks in its heap that are no larger than one that was freed before, here of 20 MB.
LARGE = """
import ctypes, sys
from app.process.memory_trim import keep_large_blocks_apart

if "apart" in sys.argv:
    keep_large_blocks_apart()
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_size_t], [ctypes.c_void_p]
libc.free(libc.malloc(20_000_000))
blocks = [libc.malloc(1_000_000) for _ in range(100)]
for block in blocks:
    ctypes.memset(block, 1, 1_000_000)
libc.malloc(1_000_000)  # so that a heap cannot shrink at its end
for block in blocks:
    libc.free(block)
with open("/proc/self/statm") as file:
    print(int(file.read().split()[1]) * 4096 / 1e6)
"""
glibc_only = pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="this C library is not glibc")


def printed_mb(program: str, *arguments: str) -> float:
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return float(done.stdout)


@glibc_only
def test_large_blocks_go_back_when_they_are_freed() -> None:
    assert printed_mb(LARGE) > 90, "glibc no longer keeps them by itself"
    assert printed_mb(LARGE, "apart") < 50


@glibc_only
def test_what_is_free_in_the_middle_of_the_heap_goes_back() -> None:
    assert printed_mb(PROGRAM) > 50


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    memory_trim._trim.cache_clear()
    monkeypatch.setattr(sys, "platform", "darwin")
    try:
        give_memory_back()
        keep_large_blocks_apart()
        assert memory_trim._trim() is None
    finally:
        memory_trim._trim.cache_clear()
