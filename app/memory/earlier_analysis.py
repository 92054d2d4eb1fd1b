"""The terms that version 1 of the analysis gave a text: rows have them until they are analysed again.

A question is asked with them too, so that it finds such a row as before. `analysis` says when they can differ.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise

from app.memory.folding import UNSPACED, simplified
from app.memory.marks import without_surplus
from app.memory.term_numbers import hashed, term_of

_WORD = re.compile(r"(?:[^\W_]|[\u0591-\u05bd\u0610-\u061a\u064b-\u065f\u0900-\u0dff])+")
_UNSPACED_RUN = re.compile(f"[{UNSPACED}]+")
_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]")
_POSSESSIVE = re.compile(r"'s\b")
_ACCENTS = re.compile(r"(?<=[a-zα-ωе])[\u0300-\u036f]+")
_LETTERS = str.maketrans({"’": "'", "ʼ": "'", "ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ı": "i"})


def terms_of(text: str) -> frozenset[int]:
    """Return the distinct terms."""
    normal = unicodedata.normalize("NFKC", without_surplus(text)).lower().translate(_LETTERS)
    normal = unicodedata.normalize("NFC", _ACCENTS.sub("", unicodedata.normalize("NFD", normal)))
    if _HAN.search(normal):
        normal = normal.translate(simplified())
    normal = _POSSESSIVE.sub("", normal).replace("'", "")
    terms = {term_of(word) for word in _WORD.findall(_UNSPACED_RUN.sub(" ", normal))} - {0}
    for run in _UNSPACED_RUN.findall(normal):
        terms.update(map(hashed, run))
        terms.update(hashed(first + second) for first, second in pairwise(run))
    return frozenset(terms)
