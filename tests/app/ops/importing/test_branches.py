"""Branches that a person gave up are told from those that tools and attachments make."""

from __future__ import annotations

from app.ops.importing.branches import Branches, Line


def tree(*lines: tuple[str, str | None, Line]) -> tuple[Branches, dict[str, int]]:
    branches = Branches()
    return branches, {id_: branches.add(id_, parent, kind, "s") for id_, parent, kind in lines}


def given_up(*lines: tuple[str, str | None, Line]) -> set[str]:
    branches, numbers = tree(*lines)
    return {id_ for id_, number in numbers.items() if number in branches.given_up()}


P, O, B = Line.PROMPT, Line.OTHER, Line.BESIDE  # noqa: E741


def test_a_straight_conversation_has_none() -> None:
    assert given_up(("u1", None, P), ("a1", "u1", O), ("u2", "a1", P), ("a2", "u2", O)) == set()


def test_a_prompt_after_which_another_one_was_written_is_given_up_with_its_answers() -> None:
    lines = [("u1", None, P), ("a1", "u1", O), ("u2", "a1", P), ("a2", "u2", O), ("u3", "a1", P), ("a3", "u3", O)]

    assert given_up(*lines) == {"u2", "a2"}


def test_so_is_one_that_follows_an_attachment() -> None:
    lines = [("u1", None, P), ("a1", "u1", O), ("b", "a1", B), ("u2", "b", P), ("u3", "a1", P), ("a3", "u3", O)]

    assert given_up(*lines) == {"b", "u2"}


def test_so_is_the_first_prompt() -> None:
    assert given_up(("u1", None, P), ("a1", "u1", O), ("u2", None, P), ("a2", "u2", O)) == {"u1", "a1"}


def test_several_branches_may_be_given_up() -> None:
    lines = [("u1", None, P), ("a1", "u1", O), ("u2", "a1", P), ("u3", "a1", P), ("a3", "u3", O), ("u4", "a3", P)]
    lines += [("u5", "a3", P), ("a5", "u5", O)]

    assert given_up(*lines) == {"u2", "u4"}


def test_parallel_tools_give_nothing_up() -> None:
    lines = [("u1", None, P), ("a1", "u1", O), ("a2", "a1", O), ("r1", "a1", O), ("r2", "a2", O), ("a3", "r1", O)]

    assert given_up(*lines) == set()


def test_a_prompt_beside_the_result_of_a_tool_is_not_given_up() -> None:
    lines = [("u1", None, P), ("a1", "u1", O), ("u2", "a1", P), ("r1", "a1", O), ("a2", "r1", O)]

    assert given_up(*lines) == set()


def test_where_a_line_is_missing_the_line_before_goes_on() -> None:
    lines = [("u1", None, P), ("a1", "u1", O), ("u2", "a1", P), ("u3", "a1", P), ("a3", "gone", O)]

    assert given_up(*lines) == {"u2"}


def test_lines_without_parents_are_no_tree() -> None:
    assert given_up(("u1", None, P), ("a1", None, O), ("u2", None, P), ("a2", None, O)) == set()


def test_a_line_that_is_there_again_counts_once() -> None:
    branches, numbers = tree(("u1", None, P), ("a1", "u1", O))

    assert branches.add("a1", "u1", O, "s") == numbers["a1"]
