"""Numbers of words: the same for ever, and none for a stop word."""

from __future__ import annotations

import pytest

from app.memory.term_numbers import STOP_WORDS, hashed, term_of


def test_words_of_one_stem_have_one_number() -> None:
    assert term_of("running") == term_of("runs") == 727630522


def test_stop_words_have_none() -> None:
    assert {term_of(word) for word in STOP_WORDS} == {0}


@pytest.mark.parametrize("term", ["北京", "🚲", "\ud800", ""])
def test_a_number_fits_into_31_bits_and_is_not_0(term: str) -> None:
    assert 0 < hashed(term) < 2**31
