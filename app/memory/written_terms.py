"""Finds how a question writes its terms: the word, the character or the pair of characters that each comes from."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Set
from itertools import pairwise

from app.memory.analysis import Question, terms_among
from app.memory.folding import UNSPACED, compatible, folded
from app.memory.term_numbers import hashed, term_of
from app.memory.words import TOKEN, grouped_numbers, words_of

_UNSPACED_RUN = re.compile(f"[{UNSPACED}]+")


def written_terms(text: str, question: Question, wanted: Collection[int]) -> dict[int, str]:
    """Return how each wanted term of a question is written in it. question: the analysis of the text.

    A word is there as it is written, a part of a name (`getUserProfile`) in lower case. Of the terms that only rows of
    version 1 have, some can be missing.
    """
    found = _found_in(_pieces(text), frozenset(wanted), terms_among)
    if missing := frozenset(question.terms).intersection(wanted) - found.keys():  # marks that stand apart
        found |= {term: piece for term, piece in _folded_pieces(text) if term in missing}
    if missing := question.earlier.intersection(wanted) - found.keys():
        from app.memory.earlier_analysis import terms_of

        found |= _found_in(_pieces(text), missing, lambda piece, terms: terms & terms_of(piece))
    return found


def _found_in(
    pieces: Iterator[str], wanted: frozenset[int], terms_in: Callable[[str, frozenset[int]], Set[int]]
) -> dict[int, str]:
    """Return the first of the pieces that has each term."""
    found: dict[int, str] = {}
    for piece in pieces:
        if len(found) == len(wanted):
            break
        for term in terms_in(piece, wanted):
            found.setdefault(term, piece)
    return found


def _folded_pieces(text: str) -> Iterator[tuple[int, str]]:
    """Yield the terms of a text with what they are numbered by, which may be no term when it stands alone."""
    for token in TOKEN.findall(_UNSPACED_RUN.sub(" ", compatible(text)[0])):
        for word in words_of(token).words:
            yield term_of(word), word
    for run in _UNSPACED_RUN.findall(folded(text)):
        for piece in (*run, *map("".join, pairwise(run))):
            yield hashed(piece), piece


def _pieces(text: str) -> Iterator[str]:
    """Yield the parts of a text that can be a term, those that are several terms after those that are one."""
    # In the form in which words are found, then what folding has put together, then what the first form has lost.
    for form in dict.fromkeys((compatible(text)[0], folded(text), text)):
        tokens = dict.fromkeys(TOKEN.findall(_UNSPACED_RUN.sub(" ", form)))
        for token in tokens:
            words = words_of(token).words
            yield from words if len(words) > 1 else (token,)
        yield from grouped_numbers(form)
        if not form.isascii():
            yield from dict.fromkeys(form)
            yield from dict.fromkeys(map("".join, pairwise(form)))
