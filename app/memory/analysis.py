"""Analyses a text for search: its terms as stable numbers, its length, whether it asks or mentions a time.

The steps were measured on LoCoMo (docs/benchmarks.md): words folded (app/memory/folding.py) and without 59 stop words,
Snowball's English stems, names in code and words with apostrophes by their parts too (app/memory/words.py), emoji.
Scripts written without spaces (Chinese, Japanese, Thai and others, and Korean, whose particles attach to words) become
single characters and pairs of neighbours.

Every function is pure and total: any `str` has an analysis, even with lone surrogates and NULs.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Set
from dataclasses import dataclass
from functools import lru_cache
from itertools import count, pairwise
from typing import NamedTuple

from app.memory.cues import (
    FIRST_PERSON,
    FIRST_PERSON_LIMIT,
    FIRST_PERSON_UNSPACED,
    NUMBER_WORDS,
    TIME_WORDS,
    MonthCue,
    asks_when,
    month_cue,
    tells_number_unspaced,
    tells_time_unspaced,
)
from app.memory.folding import UNSPACED, compatible, folded, folded_compatible, split
from app.memory.patterns import late
from app.memory.term_numbers import STOP_WORDS, hashed, term_of
from app.memory.types import Analysis
from app.memory.words import APOSTROPHES_AS_ONE, ASCII_TOKEN, TOKEN, grouped_numbers, plain_word, words_of

ANALYSIS_VERSION = 3
"""Stored with each row. Raise it when the same text would get another analysis: rows are then analysed again.

It is in a partial index too (app/store/reanalysis.py). `app/memory/earlier_analysis.py` has the terms of version 1, the
last that had others.
"""

TERMS_LIMIT = 20_000  # in one text; a piece of 8,000 Chinese characters has 16,000
CACHED_WORDS = 50_000  # about 6 MB; a vocabulary larger than this is mostly numbers and noise
CACHED_WORD_CHARACTERS = 40  # longer ones (keys, base64) seldom occur twice
NAMES_CACHED = 2_000  # speakers' names; a search reads up to 200

_UNSPACED_RUN = late(f"[{UNSPACED}]+")
# Pictures, without the tone of a skin; a flag is a pair of letters.
_EMOJI = late(
    "[\U0001f1e6-\U0001f1ff]{2}|[\u00a9\u00ae\u2194-\u2199\u21a9\u21aa\u231a\u231b\u2328\u23cf\u23e9-\u23fa"
    "\u25b6\u25c0\u2600-\u27bf\u2934\u2935\u2b05-\u2b07\u2b1b\u2b1c\u2b50\u2b55"
    "\u3030\u303d\U0001f000-\U0001f1e5\U0001f200-\U0001f3fa\U0001f400-\U0001faff]|[#*]\u20e3"
)
_LOST_PICTURES = "\u203c\u2049\u2139"  # which compatible composition writes in letters: double marks, information

CHARACTERS_A_WORD = 1.5  # the mean length of a Chinese word; makes lengths comparable between scripts


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """The analysis of a question.

    terms: distinct hashed terms, ascending. earlier: those that only rows of version 1 have.
    stop_words: its words in order, if it has no terms. words: all its words. normal: the whole question, folded.
    """

    terms: tuple[int, ...]
    earlier: frozenset[int]
    stop_words: tuple[str, ...]
    words: frozenset[str]
    normal: str
    asks_when: bool
    date: MonthCue | None


def analyse(text: str) -> Analysis:
    """Return the analysis to store with a text. It takes about 10 µs for a turn of a conversation."""
    found = _found(text)
    return Analysis(
        terms=tuple(found.terms),
        words=found.words,
        asks=text.rstrip().endswith(("?", "？", "؟")),
        tells_time=found.tells_time,
        tells_number=found.tells_number,
        first_person=found.first_person,
    )


def terms_among(text: str, wanted: frozenset[int]) -> Set[int]:
    """Return those of the wanted terms that `analyse` finds in a text of up to TERMS_LIMIT; it takes half the time."""
    if not text.isascii():
        return wanted.intersection(_found(text).terms)
    seen = _tokens_seen()
    values = set(map(seen.__getitem__, ASCII_TOKEN.findall(text)))
    terms = wanted & values
    for value in values:
        if value < 0:
            compound = seen.compounds[value]
            if compound.may_be_grouped:
                return wanted.intersection(_found(text).terms)
            terms |= wanted.intersection(compound.terms)
    return terms


def analyse_question(question: str) -> Question:
    """Return the analysis of a question, with the terms that `analyse` would return."""
    normal = folded(question)
    words, _ = split(normal)
    terms = set(_found(question).terms)
    return Question(
        terms=tuple(sorted(terms)),
        earlier=_earlier_terms(question) - terms,
        stop_words=() if terms else tuple(words),
        words=frozenset(words),
        normal=normal,
        asks_when=asks_when(words, normal),
        date=month_cue(words, normal),
    )


def _earlier_terms(question: str) -> frozenset[int]:
    """Return the terms that rows of version 1 may have; of ASCII they are among those of this version."""
    if question.isascii():
        return frozenset()
    from app.memory.earlier_analysis import terms_of

    return terms_of(question)


@lru_cache(NAMES_CACHED)
def name_terms(name: str) -> frozenset[int]:
    """Return the terms of a speaker's name."""
    return frozenset(_found(name).terms)


def is_named(name: str, question: Question) -> bool:
    """Report whether the question contains a word of the name, or its characters in a row."""
    words, runs = _name_parts(name)
    return not question.words.isdisjoint(words) or any(run in question.normal for run in runs)


@lru_cache(NAMES_CACHED)
def _name_parts(name: str) -> tuple[frozenset[str], tuple[str, ...]]:
    words, runs = split(folded(name))
    # "the" or one character of a Chinese name does not name anyone.
    return frozenset(words) - STOP_WORDS, tuple(run for run in runs if len(run) > 1)


class _Compound(NamedTuple):
    """A token with several words, or with three digits."""

    terms: tuple[int, ...]
    number: int
    may_be_grouped: bool


class _Whole(dict[str, int]):
    """The terms of what has no stem: pictures, and characters written without spaces, alone and in pairs."""

    def __missing__(self, characters: str) -> int:
        number = self[characters] = hashed(characters)
        return number


class _Tokens(dict[str, int]):
    """The terms of tokens seen lately: 0 for none, a key of `compounds` (below 0) for one that has several.

    A lookup is far faster than stemming. A thread keeps the one it began with when another begins a new one.
    """

    def __init__(self) -> None:
        self.whole = _Whole()
        self.compounds: dict[int, _Compound] = {}
        self.times: set[str] = set()  # tokens with a word for a time
        self.numbers: set[str] = set()  # tokens with a digit, or with a word for a number
        self._keys = count(1)

    def __missing__(self, token: str) -> int:
        word = plain_word(token)
        if word is None:
            return self._other(token)
        if word in TIME_WORDS:
            self.times.add(token)
        if word in NUMBER_WORDS:
            self.numbers.add(token)
        value = term_of(word)
        if len(token) <= CACHED_WORD_CHARACTERS:
            self[token] = value
        return value

    def _other(self, token: str) -> int:
        words, number, may_be_grouped = words_of(token)
        terms = tuple(term for term in map(term_of, words) if term)
        if len(terms) > 1 or number > 1 or may_be_grouped:
            value = -next(self._keys)
            self.compounds[value] = _Compound(terms, number, may_be_grouped)
        else:
            value = terms[0] if terms else 0
        if not TIME_WORDS.isdisjoint(words):
            self.times.add(token)
        if not NUMBER_WORDS.isdisjoint(words) or any(map(str.isdecimal, token)):
            self.numbers.add(token)
        if len(token) <= CACHED_WORD_CHARACTERS:
            self[token] = value
        return value


_tokens = _Tokens()


def _tokens_seen() -> _Tokens:
    global _tokens
    seen = _tokens
    if len(seen) + len(seen.whole) + len(seen.compounds) > CACHED_WORDS:
        seen = _tokens = _Tokens()
    return seen


class _Found(NamedTuple):
    """What is in a text; the fields are those of Analysis."""

    terms: list[int]
    words: int
    tells_time: bool
    tells_number: bool
    first_person: int


def _found(text: str) -> _Found:
    """Return the terms with repeats in ascending order, and what else the tokens tell."""
    seen = _tokens_seen()
    if text.isascii():
        tokens = ASCII_TOKEN.findall(text)
        terms = [term for term in map(seen.__getitem__, tokens) if term]
        words, tells_time = len(tokens), not seen.times.isdisjoint(tokens)
        tells_number, first_person = not seen.numbers.isdisjoint(tokens), 0
    else:
        lost = [picture for picture in _LOST_PICTURES if picture in text]
        text, unusual = compatible(text)
        normal = folded_compatible(text, unusual) if _UNSPACED_RUN.search(text) else ""
        runs = _UNSPACED_RUN.findall(normal)
        tokens = TOKEN.findall(_UNSPACED_RUN.sub(" ", text) if runs else text)
        terms = [term for term in map(seen.__getitem__, tokens) if term]
        whole = seen.whole.__getitem__
        if unusual:
            terms += map(whole, _EMOJI.findall(text))
        terms += map(whole, lost)
        for run in runs:
            if (room := TERMS_LIMIT - len(terms)) <= 0:
                break
            terms += map(whole, run[:room])
            terms += [whole(first + second) for first, second in pairwise(run[:room])]
        words = len(tokens) + round(sum(map(len, runs)) / CHARACTERS_A_WORD)
        tells_time = not seen.times.isdisjoint(tokens) or bool(runs and tells_time_unspaced(normal))
        tells_number = not seen.numbers.isdisjoint(tokens) or bool(runs and tells_number_unspaced(normal))
        tokens = [token.translate(APOSTROPHES_AS_ONE) for token in tokens] if "\u2019" in text else tokens
        first_person = normal.count(FIRST_PERSON_UNSPACED)
    del terms[TERMS_LIMIT:]
    terms.sort()
    if terms and terms[0] < 0:
        terms, more = _expanded(terms, seen, text)
        words += more
    first_person = min(FIRST_PERSON_LIMIT, first_person + sum(map(FIRST_PERSON.__contains__, tokens)))
    return _Found(terms, words, tells_time, tells_number, first_person)


def _expanded(terms: list[int], seen: _Tokens, text: str) -> tuple[list[int], int]:
    """Return the terms with those of the compounds among them, which come first, and how many more words they are."""
    first = bisect_left(terms, 0)
    expanded, more, may_be_grouped = terms[first:], -first, False
    for key in terms[:first]:
        compound = seen.compounds[key]
        expanded += compound[0]
        more += compound[1]
        may_be_grouped = may_be_grouped or compound[2]
    if may_be_grouped:
        expanded += map(term_of, grouped_numbers(text))
    del expanded[TERMS_LIMIT:]
    expanded.sort()
    return expanded, more
