"""`show`: one memory, whole."""

from __future__ import annotations

import json
from uuid import uuid4

from app import cli
from tests.app.commands.conftest import Typed


def test_all_that_is_known_comes_before_the_text(typed: Typed) -> None:
    text = "first\n" + "long " * 500 + "\x1b[2J"
    id_ = json.loads(typed("remember", "-", "--tags", "a,b", "--json", given=text)[1])["id"]

    status, out, error = typed("show", id_)

    known, _, shown = out.partition("\n\n")
    assert (status, error, shown) == (0, "", text.replace("\x1b", r"\u001b") + "\n")
    assert known.splitlines()[0].split() == ["id", id_]
    assert "tags        a b" in known
    assert "role" not in known


def test_an_unknown_id_is_one_line_and_what_is_none_is_wrong_usage(typed: Typed) -> None:
    unknown = str(uuid4())

    assert typed("show", unknown) == (
        1,
        "",
        f"claude-memory: memory {unknown}: no memory has this id; search_memory gives ids\n",
    )
    assert cli.run(["show", "first"]) == 2
