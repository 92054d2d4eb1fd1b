"""The table of prices: for the types that the programs declare, and marked as what it is."""

from __future__ import annotations

from infra.plan import prices
from tests.support.plans import example_document


def test_the_module_says_that_the_prices_are_not_checked() -> None:
    assert "NOT checked" in str(prices.__doc__)
    assert prices.DATED in str(prices.__doc__)


def test_every_plan_of_the_example_stacks_has_a_price() -> None:
    documents = [example_document(stack) for stack in ("render", "render-dev")]

    assert [cost for document in documents for cost in document.costs if cost.least is None] == []


def test_what_is_paid_by_use_is_declared_by_the_example() -> None:
    declared = {one.type for one in example_document("aliyun").resources}

    assert set(prices.BY_USE) <= declared
