"""The token budget: estimates that err on the long side, items taken whole."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.memory.budget import fitting, tokens


@given(st.text())
def test_the_estimate_counts_three_ascii_characters_or_one_other_as_a_token(text: str) -> None:
    wide = sum(character > "\x7f" for character in text)

    assert tokens(text) >= wide + (len(text) - wide) // 3


@given(st.text(), st.text())
def test_the_parts_of_a_text_cost_at_least_as_much_as_the_whole(one: str, other: str) -> None:
    assert tokens(one) + tokens(other) >= tokens(one + other)


@given(st.lists(st.integers(1, 50), max_size=30), st.integers(0, 300))
def test_items_are_taken_in_order_until_one_does_not_fit(costs: list[int], budget: int) -> None:
    taken, cut = fitting(enumerate(costs), budget)
    taken_costs = costs[: len(taken)]

    assert sum(taken_costs) <= budget
    assert taken == list(range(len(taken)))
    assert cut == (len(taken) < len(costs))
    assert not cut or sum(costs[: len(taken) + 1]) > budget, "the next one would have fitted"
