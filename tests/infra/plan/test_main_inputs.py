"""Main inputs: short, and without values of secrets."""

from __future__ import annotations

from infra.plan import SECRET
from infra.plan.document import Shown
from infra.plan.main_inputs import MAIN, line, main_inputs, short
from tests.policies.cases import STACKS
from tests.support.plans import boat, example_document


def test_a_listed_type_shows_what_is_listed_in_that_order() -> None:
    container = Shown(
        type="docker:index/container:Container",
        name="it",
        parent=None,
        inputs={"restart": "no", "memory": 64, "image": "it:1", "user": "1", "command": ["serve", "now"], "ports": []},
    )

    assert line(container) == "image it:1, command serve now, memory 64, restart no"


def test_another_type_shows_its_first_plain_inputs() -> None:
    assert main_inputs(boat("one", sails=2, name="Ann", crew=["Bo"], key=SECRET, description="a boat")) == {
        "name": "Ann",
        "sails": "2",
    }


def test_of_secret_entries_the_names_are_shown() -> None:
    variables = {"A": SECRET, "B": {"value": SECRET, "writeOnly": True}, "C": "plain"}

    assert short(variables) == "A B C=plain"


def test_a_long_value_is_cut() -> None:
    assert short("x" * 100, 10) == "x" * 9 + "…"
    assert short("one\n  two") == "one two"


def test_listed_types_are_those_of_the_example_stacks() -> None:
    declared = {one.type for stack in STACKS for one in example_document(stack).resources}

    assert set(MAIN) <= declared
