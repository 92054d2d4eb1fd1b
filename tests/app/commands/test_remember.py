"""`remember`: what is stored, once, with all that is said about it."""

from __future__ import annotations

import json

import pytest

from app import cli
from tests.app.commands.conftest import Typed

KEY = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"  # made up


def test_words_become_one_text_with_all_that_is_said_about_it(typed: Typed) -> None:
    status, out, error = typed(
        "remember", "released", "on", "Thursdays", "--kind", "decision", "--project", "shop", "--tags", "a, b",
        "--expires-in", "2w",
    )  # fmt: skip

    assert (status, error) == (0, "")
    shown = json.loads(typed("show", "--json", out.strip().removeprefix("remembered: "))[1])
    assert (shown["text"], shown["kind"], shown["project"]) == ("released on Thursdays", "decision", "shop")
    assert (shown["tags"], shown["expires_at"] is None) == (["a", "b"], False)


def test_the_same_text_is_known_already(typed: Typed) -> None:
    first = json.loads(typed("remember", "once", "--json")[1])
    _, out, _ = typed("remember", "once")

    assert first["created"] is True
    assert out == f"already known: {first['id']}\n"
    _, out, _ = typed("remember", "once", "--tags", "x", "--kind", "fact")
    assert out == f"already known: {first['id']}, now with other kind and tags\n"


def test_standard_input_is_stored_as_it_is_and_a_key_in_it_is_told(typed: Typed) -> None:
    _, out, _ = typed("remember", "-", given=f"two\nlines {KEY}\n")

    first, second = out.splitlines()
    assert second == "1 key or token replaced before storing"
    assert json.loads(typed("show", "--json", first.removeprefix("remembered: "))[1])["text"].startswith("two\nlines ")


def test_what_the_server_refuses_is_one_line(typed: Typed) -> None:
    status, out, error = typed("remember", "-", given="  ")

    assert (status, out, error.count("\n")) == (1, "", 1)
    assert "text: got ' ', takes the text to remember" in error


@pytest.mark.parametrize("wrong", [["--kind", "idea"], ["--expires-in", "soon"], ["--project", ""]])
def test_wrong_usage_ends_with_2(wrong: list[str]) -> None:
    assert cli.run(["remember", "a", *wrong]) == 2
    assert cli.run(["remember"]) == 2
