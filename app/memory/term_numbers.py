"""Turns a folded word into its term: a number of its stem that never changes, in any process and on any platform."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from hashlib import blake2s

_STOP = """
a an the of to in on at for and or is are was were be been did do does what when where who which how why
with from by about that this it its as has have had his her their she he they i you my your me we our
not so but if than then there
"""
STOP_WORDS = frozenset(_STOP.split())


def term_of(word: str) -> int:
    """Return the term of a word, in 1..2³¹−1; 0 for a stop word."""
    return 0 if word in STOP_WORDS else hashed(_stem()(word))


def hashed(term: str) -> int:
    """Return the number of a term that is not stemmed, such as a pair of Chinese characters."""
    number = int.from_bytes(blake2s(term.encode("utf-8", "surrogatepass"), digest_size=4).digest(), "big")
    return number & 0x7FFF_FFFF or 1


@cache
def _stem() -> Callable[[str], str]:
    import Stemmer  # type: ignore[import-not-found, import-untyped, unused-ignore]  # has no stubs

    stemmer = Stemmer.Stemmer("english", maxCacheSize=0)  # `analysis` has a cache
    stem: Callable[[str], str] = stemmer.stemWord
    return stem
