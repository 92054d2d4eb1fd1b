"""Runs of marks are cut at 30, whatever they stand on, so that normalising a text takes time in proportion to it."""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.memory import marks
from app.memory.analysis import analyse, analyse_question
from app.memory.earlier_analysis import terms_of
from app.memory.folding import composed, folded
from app.memory.marks import BREAK, MARKS_LIMIT, with_breaks, without_surplus

ACUTE, BELOW, OGONEK, TWO_IN_ONE = "\u0301", "\u0323", "\u0328", "\u0344"
FALLING = "".join(chr(code) for code in (0x345, 0x301, 0x323, 0x3099, 0x334))
_runs = st.text(st.sampled_from([ACUTE, BELOW, OGONEK, TWO_IN_ONE, "\u0f73", "\uff9e", BREAK]), max_size=70)
_texts = st.lists(st.tuples(st.sampled_from(["", "a", "\u01d8", "\u1f82", "\u1ebf", " "]), _runs), max_size=4).map(
    lambda pairs: "".join(base + run for base, run in pairs)
)


def longest_run(text: str) -> int:
    """Return how many marks stand in a row at most, once the text is decomposed."""
    longest = run = 0
    for character in unicodedata.normalize("NFD", text):
        run = run + 1 if unicodedata.combining(character) else 0
        longest = max(longest, run)
    return longest


def test_every_mark_of_this_pythons_unicode_is_found() -> None:
    places = [range(first, last + 1) for first, last in marks._PLACES]
    found = {code for place in places for code in place if marks._is_mark(chr(code))}
    begin = {
        code
        for code in range(sys.maxunicode + 1)
        if not 0xD800 <= code < 0xE000 and unicodedata.combining(unicodedata.normalize("NFKD", chr(code))[0])
    }

    assert begin == found


@given(_texts)
def test_no_run_is_longer_than_thirty_and_nothing_else_changes(text: str) -> None:
    cut, shortened = with_breaks(text), without_surplus(text)

    assert max(longest_run(cut), longest_run(shortened)) <= MARKS_LIMIT
    assert composed(cut.replace(BREAK, "")) == composed(text.replace(BREAK, "")), "only breaks were added"
    if longest_run(text) <= MARKS_LIMIT:
        assert unicodedata.normalize("NFD", cut) == unicodedata.normalize("NFD", text)


@given(_texts)
def test_what_is_composed_stays_as_it_is(text: str) -> None:
    once = composed(text)

    assert composed(once) == once
    assert with_breaks(once) == once


def test_texts_that_differ_after_the_thirtieth_mark_are_two() -> None:
    assert composed("a" + ACUTE * 40) != composed("a" + ACUTE * 41)
    assert folded("a" + ACUTE * 40) == folded("a" + ACUTE * 41)


@pytest.mark.parametrize(
    "between",
    [
        pytest.param("", id="one run"),
        pytest.param("\u200d", id="hidden breaks, which folding drops"),
        pytest.param("\u0640", id="a letter that folding drops"),
        pytest.param("'", id="apostrophes, which words drop"),
    ],
)
@pytest.mark.parametrize(
    "read", [composed, folded, analyse, analyse_question, terms_of], ids=lambda read: str(read.__name__)
)
def test_no_more_than_thirty_marks_are_ever_put_in_order(
    monkeypatch: pytest.MonkeyPatch, read: Callable[[str], object], between: str
) -> None:
    longest = 0

    class Watched:
        """Stands for unicodedata, and looks at what is normalised."""

        def __getattr__(self, name: str) -> object:
            return getattr(unicodedata, name)

        def normalize(self, form: str, text: str) -> str:
            nonlocal longest
            longest = max(longest, _longest_before(text))
            return unicodedata.normalize(form, text)  # type: ignore[arg-type]

    for module in ("folding", "earlier_analysis", "marks", "slices"):
        monkeypatch.setattr(f"app.memory.{module}.unicodedata", Watched())

    read("a" + between.join([FALLING * 6] * 20))

    assert longest <= MARKS_LIMIT + 1


def _longest_before(text: str) -> int:
    """Return how many marks stand in a row at most, as the text is."""
    longest = run = 0
    for character in text:
        run = run + 1 if unicodedata.combining(character) else 0
        longest = max(longest, run)
    return longest
