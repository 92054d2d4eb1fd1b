"""Cuts out of a long text the part that answers a question: about 100 tokens around its words, at sentence borders.

A text is cut into segments: sentences and lines, and long ones into bits of some words. The best part is the run of
segments that holds the most of the question's words, the rare ones first; then it grows as far as 100 tokens go.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import replace
from itertools import accumulate
from math import log

from app.memory.analysis import Question, analyse_question, terms_among
from app.memory.budget import tokens
from app.memory.folding import UNSPACED, folded, split
from app.memory.off_loop import run_off_loop_if_long
from app.memory.patterns import late
from app.memory.types import Memory, Part, SearchResult

PART_TOKENS = 100
WHOLE_TOKENS = 130  # up to so many a text stays whole: a part of it would save little
_CERTAINLY_LONG_CHARACTERS = 400  # have over 130 tokens; those of a megabyte are not counted on the event loop
_BIT_CHARACTERS = 72  # of a sentence too long for a part; at most 73 tokens
_BIT_TOKENS = 25  # about as many as it has, unless scripts change within it
_REPEATS = 0.5  # a word in a second segment adds a fifth of what it is worth in the first
# The text's first 100 tokens count as if they had more of the words: people say first what they write about, and then
# show code or tell details. Of a user's long messages in BEAM's chats the part has 0.67 of the answer's words that way,
# and 0.63 without.
_BEGINNING = 1.3
_ROUNDING = 1e-9  # sums of the same gains in another order

# Where sentences end: at a line's end; after a full stop, unless a small letter follows or it numbers a list's item;
# after those of scripts that put no space behind them.
_SENTENCE_END = late(
    r"[\n.!?؟।。！？｡．…](?:"  # a set of characters to look for first is quicker than alternatives
    r"(?<=\n)\s*"
    r"|(?<=[!?؟।.])(?<!\b\d\.)(?<!\b\d\d\.)[\"'”’»)\]]*\s+(?=[^a-z\s])"
    r"|(?<=[。！？｡．…])[。！？｡．…]*[」』”’）】》]*\s*)"
)
# Where a sentence may be cut, best first: between words, after a comma of Chinese, beside a character written without
# spaces, after a sign that is no part of a name in code.
_CUTS = (
    late(r"\s+"),
    late("(?<=[，、；：])"),
    late(f"(?<=[{UNSPACED}])|(?=[{UNSPACED}])"),
    late(r"(?<=[^\w\s'’‐-])"),
)
_JOINER, _JAMO = "\u200d", range(0x1160, 0x1200)
_TONES, _TAGS, _FLAGS = range(0x1F3FB, 0x1F400), range(0xE0020, 0xE0080), range(0x1F1E6, 0x1F200)
_HIGH, _LOW = range(0xD800, 0xDC00), range(0xDC00, 0xE000)
_SPACING = "\u0e33\u0eb3"  # vowels of Thai and Lao that are letters to Unicode
_LONGEST_GRAPHEME = 32  # characters to look back; what is longer is no letter, and is cut


def is_long(text: str) -> bool:
    """Report whether a text is shown in part."""
    return tokens(text[:_CERTAINLY_LONG_CHARACTERS]) > WHOLE_TOKENS


async def parts(query: str, memories: Sequence[Memory]) -> list[Part | None]:
    """Return for each memory the part of its text that answers the query; None for one that is shown whole."""
    long = [memory.text for memory in memories if is_long(memory.text)]
    if not long:
        return [None] * len(memories)

    def work() -> list[Part | None]:
        question = analyse_question(query)
        return [part(memory.text, question) if is_long(memory.text) else None for memory in memories]

    return await run_off_loop_if_long(len(query) + sum(map(len, long)), work)


async def in_parts(query: str, result: SearchResult) -> SearchResult:
    """Return a search's results, the long ones with the part that answers the query."""
    found = await parts(query, [hit.memory for hit in result.results])
    hits = (replace(hit, part=part) for hit, part in zip(result.results, found, strict=True))
    return replace(result, results=tuple(hits))


def part(text: str, question: Question) -> Part:
    """Return the part of a long text with the most of the question's words, or its beginning if it has none.

    It has at most 100 tokens, and no white space at its ends.
    """
    ends = list(_segments(text))
    starts = [0, *ends[:-1]]
    segments = [text[start:end] for start, end in zip(starts, ends, strict=True)]
    sizes = [0, *accumulate(map(tokens, segments))]
    first, last = _grown(sizes, *_core(segments, question, sizes))
    chosen = text[starts[first] : ends[last]]
    start = starts[first] + len(chosen) - len(chosen.lstrip())
    end = starts[first] + len(chosen.rstrip())
    return Part(text[start:end], bool(text[:start].strip()), bool(text[end:].strip()))


def _core(segments: Sequence[str], question: Question, sizes: Sequence[int]) -> tuple[int, int]:
    """Return the first and the last segment of the best run that begins and ends with one of the question's words."""
    words_in = _finder(question)
    held = [(at, found) for at, one in enumerate(segments) if (found := words_in(one))]
    if not held:
        at = next((at for at, one in enumerate(segments) if one.strip()), 0)
        return at, at
    holding = Counter(word for _, found in held for word in found)
    rarity = {word: log(1 + len(segments) / number) for word, number in holding.items()}
    counts: Counter[int | str] = Counter()
    best, best_score, score, begin = (held[0][0], held[0][0]), 0.0, 0.0, 0
    for at, found in held:
        for word in found:
            counts[word] += 1
            score += rarity[word] * _gain(counts[word])
        while sizes[at + 1] - sizes[held[begin][0]] > PART_TOKENS:
            for word in held[begin][1]:
                score -= rarity[word] * _gain(counts[word])
                counts[word] -= 1
            begin += 1
        here = score * _BEGINNING if sizes[at + 1] <= PART_TOKENS else score
        if here > best_score + _ROUNDING:
            best, best_score = (held[begin][0], at), here
    return best


def _finder(question: Question) -> Callable[[str], Set[int | str]]:
    """Return what finds the question's terms in a segment; of a question without terms, its words."""
    if question.terms:
        terms = frozenset(question.terms)
        return lambda segment: terms_among(segment, terms)
    words = frozenset(question.stop_words)
    return lambda segment: words.intersection(split(folded(segment))[0])


def _gain(count: int) -> float:
    """Return what a word adds when it occurs in one more segment, of which there are `count` now."""
    return (1 + _REPEATS) * (count / (count + _REPEATS) - (count - 1) / (count - 1 + _REPEATS))


def _grown(sizes: Sequence[int], first: int, last: int) -> tuple[int, int]:
    """Return a run of segments with its neighbours, after and before in turn, as far as 100 tokens go."""
    grows = True
    while grows:
        grows = False
        if last + 2 < len(sizes) and sizes[last + 2] - sizes[first] <= PART_TOKENS:
            last, grows = last + 1, True
        if first and sizes[last + 1] - sizes[first - 1] <= PART_TOKENS:
            first, grows = first - 1, True
    return first, last


def _segments(text: str) -> Iterator[int]:
    """Yield where each segment of a text ends: the last at its end."""
    start = 0
    for end in (*(match.end() for match in _SENTENCE_END.finditer(text)), len(text)):
        if end == start or not _is_border(text, start, end):
            continue
        if end - start > _BIT_CHARACTERS and tokens(text[start:end]) > PART_TOKENS:
            yield from _bits(text, start, end)
        yield end
        start = end


def _bits(text: str, start: int, end: int) -> Iterator[int]:
    """Yield where to cut a sentence that is too long for a part."""
    while True:
        window = text[start : min(end, start + _BIT_CHARACTERS)]
        if (size := tokens(window)) > _BIT_TOKENS:
            window = window[: len(window) * _BIT_TOKENS // size]
        if start + len(window) >= end:
            return
        start = _cut(text, start, start + len(window))
        yield start


def _cut(text: str, start: int, limit: int) -> int:
    """Return the best place to cut a text after `start`, up to `limit`."""
    for cut in _CUTS:
        places = [match.end() for match in cut.finditer(text, start, limit)]
        for place in reversed(places):
            if place > start and _is_border(text, start, place):
                return place
    for place in range(limit, max(start, limit - _LONGEST_GRAPHEME), -1):
        if _is_border(text, start, place):
            return place
    return limit


def _is_border(text: str, start: int, at: int) -> bool:
    """Report whether a text cut at `start` may be cut at `at`, not within what a reader takes for one character.

    Unicode's grapheme clusters (UAX #29), without the few signs that stand before a letter.
    """
    if at == len(text):
        return True
    before, after = text[at - 1], text[at]
    if after.isascii():
        return before + after != "\r\n"
    code = ord(after)
    if after == _JOINER or code in _TONES or code in _TAGS or code in _JAMO or after in _SPACING:
        return False
    if unicodedata.category(after)[0] == "M" or (code in _LOW and ord(before) in _HIGH):
        return False
    if before == _JOINER or unicodedata.combining(before) == 9:  # a virama joins consonants
        return False
    if code in _FLAGS and ord(before) in _FLAGS:  # in pairs
        begin = at
        while begin > start and ord(text[begin - 1]) in _FLAGS:
            begin -= 1
        return (at - begin) % 2 == 0
    return True
