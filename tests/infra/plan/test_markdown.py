"""Comments on pull requests: what matters stands first, and nothing in them breaks out of its place."""

from __future__ import annotations

from ci.github.untrusted import MOST_CHARACTERS, harmless
from infra.plan.difference import difference
from infra.plan.document import Document
from infra.plan.markdown import comment
from tests.policies.cases import STACKS
from tests.support.plans import BROKEN, boat, document, example_document, fleet


def test_the_comment_of_all_examples_has_everything() -> None:
    documents = [example_document(stack) for stack in STACKS]

    text = comment(documents, {}, "")
    assert len(harmless(text)) <= MOST_CHARACTERS
    assert "The rest is cut off" not in harmless(text)
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


def test_trees_and_diagrams_stand_last_where_a_cut_takes_them_first() -> None:
    many = document(*(boat(f"boat-{number}", name="x" * 50) for number in range(1_000)), broken=[BROKEN])

    text = harmless(comment([many, document(*fleet(), broken=[BROKEN])], {}, ""))

    assert len(text) <= MOST_CHARACTERS
    assert text.count("| `no-leaks` |") == 2
    assert text.count("<details>") == text.count("</details>") == 1
    assert "The rest is cut off here" in text


def test_why_nothing_is_compared_is_one_line_of_it() -> None:
    text = comment([document(*fleet())], {}, "main", "main gives no plans: no\n<wind>")

    assert "\nNot compared: main gives no plans: no &lt;wind>\n" in text
