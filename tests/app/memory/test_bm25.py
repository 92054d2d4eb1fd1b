"""The vectors an index stores and is asked with."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from math import log
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.memory import bm25
from app.memory.analysis import analyse, analyse_question
from app.memory.types import Corpus
from tests.support.bm25 import dot, session_vectors


def test_a_window_counts_neighbours_by_their_distance() -> None:
    turns = [{n: 1} for n in range(6)]

    flat = 1.2 * (1 - bm25.WINDOW_LENGTH_SHARE + bm25.WINDOW_LENGTH_SHARE * 2.7 / 40)
    shares = {2: 1.0, 1: 0.7, 0: 0.4, 3: 0.4, 4: 0.2}
    assert bm25.window_vector(turns, 2) == pytest.approx(
        {term: 2.2 * count / (count + flat) for term, count in shares.items()}, abs=0.5 / bm25.STORED_STEPS
    )


def test_a_deleted_turn_keeps_its_place_and_gives_no_words() -> None:
    windows, session = session_vectors([{1: 1}, None, {3: 1}])

    assert windows[1] == {}
    assert windows[0].keys() == windows[2].keys() == session.keys() == {1, 3}
    assert windows[2][1] == bm25.window_vector([{1: 1}, {}, {3: 1}], 2)[1], "two places away, as before"


def test_the_window_of_one_turn_is_the_same_alone_and_with_its_session() -> None:
    said = ("How was the coast?", "Windy, on a boat.", "A boat!", "The captain was calm.", "So was I.", "Of the coast?")
    own = [Counter(analyse(text).terms) for text in said]
    windows, _ = session_vectors(own)

    for at in range(len(own)):
        low = max(0, at - bm25.NEIGHBOURS)
        assert bm25.window_vector(own[low : at + bm25.NEIGHBOURS + 1], at - low) == pytest.approx(windows[at])


def test_rare_terms_weigh_more_and_names_half() -> None:
    question = analyse_question("Nora's violin concert")
    nora, violin, concert = (analyse(word).terms[0] for word in ("Nora", "violin", "concert"))
    counts = Corpus(memories=10, holding={nora: 5, violin: 2})
    weights = bm25.query_weights(question, counts, bm25.speaker_terms(["Nora"]))

    step = 0.5 / bm25.ASKED_STEPS
    assert weights[nora] == pytest.approx(log(2) / 2, abs=step)
    assert weights[concert] == pytest.approx(log(2 * 10 + 2), abs=step), "a word the project does not know"
    assert weights[concert] > weights[violin] > 2 * weights[nora]


def test_weights_stay_positive_when_counts_disagree() -> None:
    question = analyse_question("violin")
    counts = Corpus(memories=2, holding={question.terms[0]: 5})

    assert all(weight > 0 for weight in bm25.query_weights(question, counts, frozenset()).values())


@given(
    st.dictionaries(st.integers(0, 40), st.integers(1, 9), min_size=1, max_size=30),
    st.dictionaries(st.integers(0, 40), st.integers(0, 100_000), min_size=1, max_size=12),
    st.randoms(use_true_random=False),
)
def test_a_score_is_the_same_in_whatever_order_an_engine_adds(
    counts: dict[int, int], holding: dict[int, int], order: Any
) -> None:
    question = replace(analyse_question("x"), terms=tuple(holding))
    asked = bm25.query_weights(question, Corpus(memories=100_000, holding=holding), frozenset())
    stored = bm25.window_vector([counts], 0)
    shared = [term for term in asked if term in stored]

    def score() -> np.float32:
        order.shuffle(shared)
        total = np.float32(0)
        for term in shared:
            total += np.float32(asked[term]) * np.float32(stored[term])
        return total

    assert score() == score() == sum(asked[term] * stored[term] for term in shared)


def test_the_scale_is_the_most_a_window_can_score() -> None:
    query = {1: 2.0, 2: 0.5}

    assert bm25.share_scale(query) == pytest.approx(5.5)
    assert dot(query, bm25.window_vector([{1: 10_000, 2: 10_000}], 0)) < bm25.share_scale(query)
