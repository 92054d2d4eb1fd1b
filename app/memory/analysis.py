"""Analyses a text for search: its terms as stable numbers, its length, whether it asks or mentions a time.

The steps were measured on LoCoMo (docs/benchmarks.md): lower case, no possessive 's and no apostrophes, runs of
letters and digits, 59 stop words, Snowball's English stems. So search finds `snake_case`, `a/path.py` and `3.11` by
their parts. Scripts written without spaces (Chinese, Japanese, Thai and others, and Korean, whose particles attach
to words) become single characters and pairs of neighbours; traditional Chinese is folded to simplified.

Every function is pure and total: any `str` has an analysis, even with lone surrogates and NULs.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from hashlib import blake2s
from itertools import pairwise

from app.memory.cues import MonthCue, asks_when, month_cue, tells_time
from app.memory.types import Analysis

ANALYSIS_VERSION = 1
"""Stored with each row. Raise it when the same text would get other terms: rows are then analysed again."""

TERMS_LIMIT = 20_000  # in one text; a piece of 8,000 Chinese characters has 16,000
CACHED_WORDS = 50_000  # about 6 MB; a vocabulary larger than this is mostly numbers and noise
CACHED_WORD_CHARACTERS = 40  # longer ones (keys, base64) seldom occur twice
NAMES_CACHED = 2_000  # speakers' names; a search reads up to 200

_STOP = """
a an the of to in on at for and or is are was were be been did do does what when where who which how why
with from by about that this it its as has have had his her their she he they i you my your me we our
not so but if than then there
"""
STOP_WORDS = frozenset(_STOP.split())

_ASCII_WORD = re.compile(r"[a-z0-9]+")
# Python does not count marks of Indic scripts, Arabic and Hebrew as letters, but they belong to the word.
_WORD = re.compile(r"(?:[^\W_]|[\u0591-\u05bd\u0610-\u061a\u064b-\u065f\u0900-\u0dff])+")
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer
    "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff"  # kana
    "\uac00-\ud7a3"  # Hangul syllables
    "\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff"  # Han
)
_UNSPACED_RUN = re.compile(f"[{_UNSPACED}]+")
_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]")
_POSSESSIVE = re.compile(r"'s\b")
_ACCENTS = re.compile(r"(?<=[a-zα-ωе])[\u0300-\u036f]+")  # Latin and Greek, and Cyrillic ё, mostly typed as е
_LETTERS = str.maketrans({"’": "'", "ʼ": "'", "ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ı": "i"})

CHARACTERS_A_WORD = 1.5  # the mean length of a Chinese word; makes lengths comparable between scripts


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """The analysis of a question.

    terms: distinct hashed terms, ascending. words: its words, with stop words. normal: the whole question, folded.
    """

    terms: tuple[int, ...]
    words: frozenset[str]
    normal: str
    asks_when: bool
    date: MonthCue | None


def analyse(text: str) -> Analysis:
    """Return the analysis to store with a text. It takes about 10 µs for a turn of a conversation."""
    normal = folded(text)
    words, runs = split(normal)
    terms = _terms_of(words, runs)
    terms.sort()
    return Analysis(
        terms=tuple(terms),
        words=len(words) + round(sum(map(len, runs)) / CHARACTERS_A_WORD),
        asks=text.rstrip().endswith(("?", "？")),
        tells_time=tells_time(words, normal if runs else ""),
    )


def analyse_question(question: str) -> Question:
    """Return the analysis of a question, with the terms that `analyse` would return."""
    normal = folded(question)
    words, runs = split(normal)
    return Question(
        terms=tuple(sorted(set(_terms_of(words, runs)))),
        words=frozenset(words),
        normal=normal,
        asks_when=asks_when(words, normal),
        date=month_cue(words, normal),
    )


def folded(text: str) -> str:
    """Return the text in the form in which words are compared: case, width, accents and traditional Chinese folded."""
    if text.isascii():
        normal = text.lower()
    else:
        normal = unicodedata.normalize("NFKC", text).lower().translate(_LETTERS)
        normal = unicodedata.normalize("NFC", _ACCENTS.sub("", unicodedata.normalize("NFD", normal)))
        if _HAN.search(normal):
            normal = normal.translate(_simplified())
    if "'" in normal:
        normal = _POSSESSIVE.sub("", normal).replace("'", "")
    return normal


def split(normal: str) -> tuple[list[str], list[str]]:
    """Return the words of a folded text in order, and its runs of characters written without spaces."""
    if normal.isascii():
        return _ASCII_WORD.findall(normal), []
    runs = _UNSPACED_RUN.findall(normal)
    return _WORD.findall(_UNSPACED_RUN.sub(" ", normal) if runs else normal), runs


@lru_cache(NAMES_CACHED)
def name_terms(name: str) -> frozenset[int]:
    """Return the terms of a speaker's name."""
    return frozenset(_terms_of(*split(folded(name))))


def is_named(name: str, question: Question) -> bool:
    """Report whether the question contains a word of the name, or its characters in a row."""
    words, runs = _name_parts(name)
    return not question.words.isdisjoint(words) or any(run in question.normal for run in runs)


@lru_cache(NAMES_CACHED)
def _name_parts(name: str) -> tuple[frozenset[str], tuple[str, ...]]:
    words, runs = split(folded(name))
    # "the" or one character of a Chinese name does not name anyone.
    return frozenset(words) - STOP_WORDS, tuple(run for run in runs if len(run) > 1)


def _terms_of(words: list[str], runs: list[str]) -> list[int]:
    """Return the hashed terms with repeats and without stop words, at most TERMS_LIMIT."""
    if len(_numbers) > CACHED_WORDS:
        _numbers.clear()
    terms = [number for number in map(_numbers.__getitem__, words) if number]
    for run in runs:
        terms += map(_numbers.__getitem__, run)
        terms += [_numbers[first + second] for first, second in pairwise(run)]
    return terms[:TERMS_LIMIT]


class _Numbers(dict[str, int]):
    """The numbers of words seen lately; 0 for a stop word. A lookup is far faster than stemming."""

    def __missing__(self, word: str) -> int:
        number = 0 if word in STOP_WORDS else _hashed(_stem()(word))
        if len(word) <= CACHED_WORD_CHARACTERS:
            self[word] = number
        return number


_numbers = _Numbers()


def _hashed(term: str) -> int:
    """Return a number in 1..2³¹−1 that never changes, in any process and on any platform."""
    number = int.from_bytes(blake2s(term.encode("utf-8", "surrogatepass"), digest_size=4).digest(), "big")
    return number & 0x7FFF_FFFF or 1


@cache
def _stem() -> Callable[[str], str]:
    import Stemmer  # type: ignore[import-not-found, import-untyped, unused-ignore]  # has no stubs

    stemmer = Stemmer.Stemmer("english", maxCacheSize=0)  # `_numbers` is the cache
    stem: Callable[[str], str] = stemmer.stemWord
    return stem


@cache
def _simplified() -> dict[int, int]:
    """Return OpenCC's table from traditional to simplified characters.

    It has characters only, not phrases: search needs the same fold on both sides, not the best spelling, and a
    character's fold must not depend on where a text was cut.
    """
    from importlib.resources import files

    table = (files("opencc") / "dictionary" / "TSCharacters.txt").read_text(encoding="utf-8")
    rows = (line.split() for line in table.splitlines() if line.strip())
    return {ord(row[0]): ord(row[1]) for row in rows}
