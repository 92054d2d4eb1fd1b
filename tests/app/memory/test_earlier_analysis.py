"""The terms of version 1, which rows have until they are analysed again."""

from __future__ import annotations

import pytest

from app.memory.earlier_analysis import terms_of


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("running", {727630522}),
        ("北京", {72185319, 983844099, 1508077372}),
        ("café", {1654018823}),
    ],
)
def test_terms_are_those_that_were_stored(text: str, terms: set[int]) -> None:
    assert terms_of(text) == terms


def test_words_were_cut_at_invisible_characters_and_kept_their_marks() -> None:
    assert terms_of("Ge\xadsamt") == terms_of("ge samt")
    assert terms_of("كِتاب") != terms_of("كتاب")
    assert terms_of("l’été") == terms_of("lete")
