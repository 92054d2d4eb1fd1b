"""`forget`: never unasked, and only what was named."""

from __future__ import annotations

import json

import pytest

from tests.app.commands.conftest import Typed


def remembered(typed: Typed, text: str, *more: str) -> str:
    return str(json.loads(typed("remember", text, "--json", *more)[1])["id"])


def texts(typed: Typed) -> set[str]:
    return {one["text"] for one in json.loads(typed("list", "--json")[1])}


def test_without_a_terminal_nothing_is_forgotten_without_yes(typed: Typed) -> None:
    id_ = remembered(typed, "one")

    assert typed("forget", id_) == (
        1,
        "",
        "claude-memory: nothing was forgotten; without a terminal, --yes is needed\n",
    )
    assert typed("forget", id_, "--dry-run") == (0, "would forget 1 memory\n", "")
    assert texts(typed) == {"one"}
    assert typed("forget", id_, "--yes") == (0, "forgot 1 memory\n", "")
    assert texts(typed) == set()


def test_on_a_terminal_a_person_is_asked(typed: Typed) -> None:
    ids = [remembered(typed, text) for text in ("one", "two")]

    refused = typed("forget", *ids, given="y\n", terminal=True)
    assert refused == (1, "", "Forget 2 memories for good? Type yes: ")
    assert texts(typed) == {"one", "two"}
    assert typed("forget", *ids, given="yes\n", terminal=True)[:2] == (0, "forgot 2 memories\n")
    assert texts(typed) == set()


def test_all_that_is_given_must_match(typed: Typed) -> None:
    remembered(typed, "of p", "--project", "p")
    remembered(typed, "of q", "--project", "q")

    assert json.loads(typed("forget", "--project", "p", "--before", "2000-01-01", "--dry-run", "--json")[1]) == {
        "forgotten": 0,
        "would_forget": 0,
    }
    typed("forget", "--project", "p", "--before", "2100-01-01", "--yes")
    assert texts(typed) == {"of q"}
    assert typed("forget", "--before", "soon", "--yes")[0] == 1
    assert typed("forget", "--conversation", "talk", "--yes")[1] == "forgot 0 memories\n"


def test_what_to_forget_must_be_said(typed: Typed) -> None:
    with pytest.raises(SystemExit) as end:
        typed("forget", "--yes")
    assert end.value.code == 2
