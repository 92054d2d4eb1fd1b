"""Comments on pull requests: found by a marker, within GitHub's limit, and nothing in them breaks out of its place."""

from __future__ import annotations

from infra.plan.difference import difference
from infra.plan.document import Document
from infra.plan.markdown import LIMIT, MARKER, comment
from tests.policies.cases import STACKS
from tests.support.plans import BROKEN, boat, document, example_document, fleet


def test_a_comment_begins_with_the_marker() -> None:
    assert comment([document(*fleet())], {}, "").splitlines()[0] == MARKER


def test_the_comment_of_all_examples_has_everything() -> None:
    documents = [example_document(stack) for stack in STACKS]

    text = comment(documents, {}, "")
    assert len(text) < LIMIT
    for one in documents:
        assert f"| {one.stack} | {len(one.resources)} | all kept |\n" in text
        assert f"### {one.stack}\n" in text
    assert text.count("```mermaid\nflowchart LR\n") == len(documents)


def test_changes_are_shown_as_a_diff() -> None:
    found = document(*fleet())
    text = comment([found], {"test": difference([boat("fleet-1", sails=1)], found.resources)}, "main")

    assert "| test | 7 | all kept | 6 added, 1 changed, 0 removed |\n" in text
    assert "```diff\n+ fleet" in text
    assert "! fleet-1  sea:index:Boat\n    sails: 1 -> 2\n" in text


def test_no_change_is_said_in_the_table_alone() -> None:
    text = comment([document(*fleet())], {"test": difference(fleet(), fleet())}, "main")

    assert "| no changes |" in text
    assert "```diff" not in text


def test_broken_policies_stand_in_a_table() -> None:
    text = comment([document(*fleet(), broken=[BROKEN])], {}, "")

    assert "| test | 7 | 1 broken |\n" in text
    assert "| `no-leaks` | fleet-1 leaks \\| a little; caulk it. |\n" in text


def test_a_stack_without_a_plan_says_why_and_cannot_end_its_fence() -> None:
    text = comment([Document(stack="test", error="got ```\n<!-- x -->")], {}, "")

    assert "| test | 0 | no plan |\n" in text
    assert "```text\ngot '''\n<!-- x -->\n```\n" in text


def test_trees_are_left_out_before_anything_is_cut() -> None:
    many = document(*(boat(f"boat-{number}", name="x" * 50) for number in range(1_000)), broken=[BROKEN])

    text = comment([many], {}, "")

    assert len(text) <= LIMIT
    assert "Trees and diagrams are left out" in text
    assert "no-leaks" in text
    assert "<details>" not in text


def test_a_comment_that_is_still_too_long_is_cut_with_a_note() -> None:
    text = comment([document(broken=[BROKEN] * 2_000)], {}, "")

    assert len(text) <= LIMIT
    assert text.endswith("shows the rest._\n")
    assert text.splitlines()[0] == MARKER
