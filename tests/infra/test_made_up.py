"""What was made up is told from what was not."""

from __future__ import annotations

import pytest

from infra.made_up import TEXT, is_made_up


@pytest.mark.parametrize(("text", "made"), [(TEXT, True), (f"https://a.example.org/{TEXT}", True), ("real", False)])
def test_a_text_that_holds_a_made_up_one_is_made_up(text: str, made: bool) -> None:
    assert is_made_up(text) is made
