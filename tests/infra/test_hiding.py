"""What is taken out of texts that others wrote."""

from __future__ import annotations

import pytest

from infra.hiding import Hider


def test_the_longest_secret_is_taken_out_first() -> None:
    assert Hider({"secret", "secret-and-more"}).clean("a secret-and-more, a secret") == "a ***, a ***"


def test_what_is_short_is_no_secret() -> None:
    assert Hider({"on", ""}).clean("turned on") == "turned on"


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("bell\x07, back\x08space, \x9b31m", "bell, backspace, 31m"),
        ("a\ttab stays", "a\ttab stays"),
        ("中文 🎉", "中文 🎉"),
    ],
)
def test_nothing_is_left_that_acts_on_a_terminal(text: str, clean: str) -> None:
    assert Hider(()).clean(text) == clean


def test_a_hider_does_not_tell_what_it_hides() -> None:
    assert "secret-1" not in repr(Hider({"secret-1"}))
