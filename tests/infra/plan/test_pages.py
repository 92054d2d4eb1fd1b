"""The documents made from policies and plans are those in the checkout."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.plan import pages
from policies.catalogue import all_rules
from tests.policies.cases import STACKS


@pytest.fixture(scope="module")
def wanted() -> dict[str, str]:
    return pages.files()


def test_the_documents_are_what_the_code_says(wanted: dict[str, str]) -> None:
    assert pages.stale(wanted) == [], "run ./dev docs"


def test_there_is_a_picture_of_each_example_stack(wanted: dict[str, str]) -> None:
    assert {name for name in wanted if name.endswith(".svg")} == {f"docs/plans/{stack}.svg" for stack in STACKS}


def test_the_page_has_every_rule(wanted: dict[str, str]) -> None:
    assert all(f"`{rule.name}`" in wanted["docs/policies.md"] for rule in all_rules())


def test_a_changed_file_and_a_picture_of_no_stack_are_stale(
    wanted: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "ROOT", tmp_path)
    monkeypatch.setattr(pages, "files", lambda: wanted)
    assert pages.main(["--check"]) == 1
    assert pages.main([]) == 0
    assert pages.main(["--check"]) == 0

    (tmp_path / "docs/policies.md").write_text("# Policies\n")
    (tmp_path / "docs/plans/gone.svg").write_text("<svg/>")
    assert pages.stale(wanted) == ["docs/policies.md", "docs/plans/gone.svg"]
    assert pages.main([]) == 0
    assert pages.stale(wanted) == []
