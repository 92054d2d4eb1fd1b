"""The text for a terminal."""

from __future__ import annotations

import io

from rich.console import Console

from infra.plan.difference import difference
from infra.plan.document import Document
from infra.plan.text import print_plan
from tests.support.plans import BROKEN, boat, document, fleet


def printed(found: Document, against: list[str] | None = None) -> str:
    console = Console(file=io.StringIO(), width=120)
    before = [boat("fleet-1", sails=1), boat("fleet-9")] if against else []
    print_plan(console, found, difference(before, found.resources) if against else None, "main")
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_it_shows_the_tree_with_main_inputs_cost_and_policies() -> None:
    text = printed(document(*fleet()))

    assert "test  sea, 7 resources" in text
    assert "│   ├── fleet-1  Boat  sails 2" in text
    assert "Nothing in this stack has a price" in text
    assert "Policies  all kept" in text
    assert "Against" not in text


def test_it_lists_broken_policies_with_what_to_do() -> None:
    text = printed(document(*fleet(), broken=[BROKEN]))

    assert "no-leaks" in text
    assert "caulk it." in text


def test_it_shows_what_changed() -> None:
    text = printed(document(*fleet()), against=["main"])

    assert "Against main: 6 added, 1 changed, 1 removed" in text
    assert "  ~ fleet-1  sea:index:Boat\n      sails: 1 → 2\n" in text
    assert "  - fleet-9  sea:index:Boat\n" in text


def test_an_error_takes_the_place_of_the_plan() -> None:
    assert printed(Document(stack="test", error="no target")) == "test\nno target\n"
