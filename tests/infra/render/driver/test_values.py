"""Values that a user gives: where they come from, and which are refused before a change."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.standins.render.server import Server
from tests.support.render_stack import (
    NEW_EMBEDDING,
    Drive,
    Stack,
)


@pytest.mark.parametrize("way", ["file", "standard input"])
def test_a_secret_comes_from_a_file_or_standard_input(way: str, stack: Stack, drive: Drive, folder: Path) -> None:
    (folder / "key").write_text(NEW_EMBEDDING + "\n", encoding="utf-8")
    more = ["--from-file", "key"] if way == "file" else []

    assert drive("env", "set", "EMBEDDING_API_KEY", *more, stdin="" if more else NEW_EMBEDDING).status == 0
    assert stack.environment("web")["EMBEDDING_API_KEY"] == NEW_EMBEDDING


@pytest.mark.parametrize(
    ("arguments", "stdin", "said"),
    [
        pytest.param(["EMBEDDING_API_KEY=" + NEW_EMBEDDING], "", "is a secret", id="a secret as an argument"),
        pytest.param(["MY_PASSWORD=" + NEW_EMBEDDING], "", "is a secret", id="a secret that is no setting"),
        pytest.param(["EMBEDDING_DIMENSIONS=many"], "", "valid integer", id="a value that is not taken"),
        pytest.param(["ADMIN_TOKEN"], NEW_EMBEDDING, "takes cm_ and 43", id="a token of the wrong form"),
        pytest.param(["QRDANT_URL=http://q"], "", "did you mean QDRANT_URL", id="a slip in a name"),
        pytest.param(["LOG_LEVEL"], "", "the value is empty", id="empty"),
        pytest.param(["LOG_LEVEL"], " INFO", "begins or ends with a space", id="a space before it"),
        pytest.param(
            ["EMBEDDING_API_KEY"], f"{NEW_EMBEDDING}\n{NEW_EMBEDDING}", "a line end in its middle", id="two lines"
        ),
        pytest.param(["A-B=1"], "", "takes a name of letters", id="no name"),
        pytest.param(["EMBEDDING_API_KEY", "--from-file", "nowhere"], "", "cannot be read: No such file", id="no file"),
        pytest.param(["LOG_LEVEL=INFO", "--from-file", "f"], "", "not both", id="two values"),
    ],
)
def test_what_cannot_be_right_is_refused_before_a_change(
    arguments: list[str], stdin: str, said: str, stack: Stack, drive: Drive, render: Server
) -> None:
    ran = drive("env", "set", *arguments, stdin=stdin)

    assert (ran.status, said in ran.err, render.changes()) == (2, True, []), ran.err
    assert ran.err.count("\n") == 1


def test_a_name_near_a_setting_is_set_where_it_is_meant(stack: Stack, drive: Drive) -> None:
    assert drive("env", "set", "QRDANT_URL=http://q", "--any-name", "--service", "web").status == 0
    assert stack.environment("web")["QRDANT_URL"] == "http://q"
