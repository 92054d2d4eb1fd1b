"""Folding: letters that readers take for the same are the same, others stay apart."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.memory.folding import composed, folded, split

ANY_TEXT = st.text(st.characters())  # lone surrogates and NULs included


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("й", "и", id="a letter of Russian"),
        pytest.param("ї", "і", id="a letter of Ukrainian"),
        pytest.param("ќ", "к", id="a letter of Macedonian"),
        pytest.param("कि", "क", id="a vowel of Hindi"),
        pytest.param("ポ", "ホ", id="a letter of Japanese"),
        pytest.param("س", "ش", id="letters of Arabic"),
    ],
)
def test_letters_that_differ_for_readers_stay_apart(one: str, other: str) -> None:
    assert folded(one) != folded(other)


@given(ANY_TEXT)
def test_every_text_can_be_folded_and_split(text: str) -> None:
    words, runs = split(folded(text))

    assert all(words)
    assert all(runs)


@given(st.text(st.characters(categories=("L", "M", "Nd", "Zs"))))
def test_both_unicode_forms_are_folded_alike(text: str) -> None:
    assert folded(unicodedata.normalize("NFD", text)) == folded(unicodedata.normalize("NFC", text))


@given(ANY_TEXT)
def test_a_composed_text_is_composed_already(text: str) -> None:
    assert composed(composed(text)) == composed(text)
