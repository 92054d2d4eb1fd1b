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
from tests.support.bm25 import window_vectors


def part(counts: dict[int, float], weight: float, terms: float, share: float) -> dict[int, float]:
    flat = 1.2 * (1 - share + share * sum(counts.values()) / terms)
    return {term: weight * 2.2 * count / (count + flat) for term, count in counts.items()}


def test_a_weight_is_the_sum_of_what_the_turn_and_those_around_it_say() -> None:
    turns = [{n: 1} for n in range(10)]
    asks = [n == 3 for n in range(10)]

    near = part({4: 1.0, 3: 0.7, 2: 0.4, 5: 0.4, 6: 0.2}, 1.0, 40, 0.75)
    own = part({4: 1.0}, 0.5, 16, 0.5)
    wide = part({4: 1.0, 3: 1.0, 2: 1.0, 1: 0.8, 0: 0.8, 5: 1.0, 6: 1.0, 7: 0.8, 8: 0.8}, 1.0, 100, 0.75)
    asked = part({3: 1.0}, 0.5, 16, 0.5)
    total = {n: sum(each.get(n, 0.0) for each in (near, own, wide, asked)) for n in range(9)}
    assert bm25.window_vector(turns, asks, 4) == pytest.approx(total, abs=0.5 / bm25.STORED_STEPS)


@given(st.dictionaries(st.integers(1, 50), st.integers(1, 9), min_size=1))
def test_a_turn_alone_has_the_sum_of_the_same_parts(counts: dict[int, int]) -> None:
    parts = [part(dict(counts), *of) for of in ((1.0, 40, 0.75), (0.5, 16, 0.5), (1.0, 100, 0.75))]
    total = {term: sum(one[term] for one in parts) for term in counts}

    assert bm25.window_vector([counts], [False], 0) == pytest.approx(total, abs=0.51 / bm25.STORED_STEPS)


def test_the_share_of_a_neighbour_says_what_each_of_its_terms_counts() -> None:
    turns = [{1: 1}, None, {2: 60}, {3: 1}, {4: 1}, {5: 301}, {6: 1}, {7: 1}]

    assert bm25.shares(turns, 3) == [(-1, 0.7 / 2, 1 / 2), (-3, 0.0, 0.8), (1, 0.4, 1.0), (3, 0.0, 0.8), (4, 0.0, 0.8)]
    assert bm25.shares([{1: 1}], 0) == []


def test_the_turn_before_is_a_question_however_long_it_is() -> None:
    turns = [{1: 400}, {2: 1}, None]

    assert bm25.asked_before(turns, [True, False, False], 1) == {1: 400}
    assert bm25.asked_before(turns, [False, True, False], 1) is None
    assert bm25.asked_before(turns, [True, True, True], 0) is None
    assert bm25.shares(turns, 1) == []


def test_what_was_said_before_counts_more_where_it_was_a_question() -> None:
    [_, asked], [_, told] = (window_vectors([{1: 1}, {2: 1}], [asks, False]) for asks in (True, False))

    assert asked[1] > told[1]
    assert asked[2] == told[2]


def test_a_long_neighbour_does_not_drown_a_short_turn() -> None:
    long = dict.fromkeys(range(100, 150), 5)
    beside_long, beside_short = (window_vectors([{1: 1}, neighbour])[0] for neighbour in (long, {100: 30}))

    assert beside_long[1] == pytest.approx(beside_short[1], abs=1 / bm25.STORED_STEPS), "both count as 30 terms"


def test_a_neighbour_of_very_many_terms_does_not_count() -> None:
    longest, longer = (dict.fromkeys(range(100, 400 + more), 1) for more in (0, 1))

    assert window_vectors([{1: 1}, longest])[0].keys() > {1}
    assert window_vectors([{1: 1}, longer])[0] == window_vectors([{1: 1}])[0]


def test_a_deleted_turn_keeps_its_place_and_gives_no_words() -> None:
    windows = window_vectors([{1: 1}, None, {3: 1}])

    assert windows[1] == {}
    assert windows[0].keys() == windows[2].keys() == {1, 3}
    assert windows[2][1] == window_vectors([{1: 1}, {}, {3: 1}])[2][1], "two places away, as before"


def test_the_window_of_one_turn_is_the_same_alone_and_with_its_session() -> None:
    said = ("How was the coast?", "Windy, on a boat.", "A boat!", "The captain was calm.", "So was I.", "Of the coast?")
    own = [Counter(analyse(text).terms) for text in said * 2]
    asks = [analyse(text).asks for text in said * 2]
    windows = window_vectors(own, asks)

    for at in range(len(own)):
        around = slice(max(0, at - bm25.NEIGHBOURS), at + bm25.NEIGHBOURS + 1)
        assert bm25.window_vector(own[around], asks[around], at - around.start) == pytest.approx(windows[at])


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
    stored = bm25.window_vector([counts], [False], 0)
    shared = [term for term in asked if term in stored]

    def score() -> np.float32:
        order.shuffle(shared)
        total = np.float32(0)
        for term in shared:
            total += np.float32(asked[term]) * np.float32(stored[term])
        return total

    assert score() == score() == sum(asked[term] * stored[term] for term in shared)


def test_the_scale_is_the_most_that_one_part_can_score() -> None:
    assert bm25.share_scale({1: 2.0, 2: 0.5}) == pytest.approx(5.5)
