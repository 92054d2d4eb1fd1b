"""Each term of a question leads back to what is written in it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.memory.analysis import analyse_question
from app.memory.written_terms import written_terms

LETTERS = st.one_of(
    st.characters(),
    st.sampled_from("abcXYZ0123456789 ,.'’-_硬舉舉重カがｶﾞ안녕éßĳﬁ١٢٣👩🏽\u200d🚀🇩🇪#\u20e3‼ℹ\u0301"),
)


@pytest.mark.parametrize(
    ("question", "written"),
    [
        pytest.param("When did the retreats begin?", ["retreats", "begin"], id="as it is written, not its stem"),
        pytest.param("Where is Melanie's sister, who don't run", ["Melanie's", "sister", "don't", "run"], id="'s"),
        pytest.param("getUserName", ["get", "user", "name", "getusername"], id="parts of a name"),
        pytest.param("1,000,000 yen", ["1", "000", "1000000", "yen"], id="digits in groups"),
        pytest.param("硬舉", ["硬", "舉", "硬舉"], id="traditional characters, alone and in pairs"),
        pytest.param("ｶﾞ", ["ガ"], id="half width"),
        pytest.param("Ёжик 🇩🇪 👩\u200d🚀", ["Ёжик", "🇩🇪", "👩", "🚀"], id="other scripts and pictures"),
    ],
)
def test_a_term_is_there_as_its_word(question: str, written: list[str]) -> None:
    analysis = analyse_question(question)

    assert sorted(written_terms(question, analysis, analysis.terms).values()) == sorted(written)


@given(st.text(LETTERS, max_size=60))
def test_every_term_of_any_question_is_found(question: str) -> None:
    analysis = analyse_question(question)

    assert written_terms(question, analysis, analysis.terms).keys() == set(analysis.terms)


@pytest.mark.parametrize("question", ["7\u2019\u0301", "\xbd_\u0301", "カ'\u3099"])
def test_marks_that_stand_apart_are_found(question: str) -> None:
    analysis = analyse_question(question)

    assert written_terms(question, analysis, analysis.terms).keys() == set(analysis.terms)


def test_terms_that_only_older_rows_have_are_found_too() -> None:
    question = "room ١٢٣"  # version 1 did not fold other digits
    analysis = analyse_question(question)
    assert analysis.earlier

    found = written_terms(question, analysis, [*analysis.terms, *analysis.earlier])

    assert analysis.earlier <= found.keys()


def test_only_wanted_terms_are_told() -> None:
    analysis = analyse_question("apple pie")

    assert len(written_terms("apple pie", analysis, analysis.terms[:1])) == 1
