"""Kinds of arguments and ways of printing that commands share."""

from __future__ import annotations

import json
from argparse import ArgumentTypeError, Namespace
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.commands.common import (
    cell,
    duration,
    folder,
    print_json,
    print_report,
    print_rich,
    print_table,
    project_name,
    user_name,
)
from app.terminal import printable


@pytest.mark.parametrize(
    ("text", "length"), [("12h", timedelta(hours=12)), ("90d", timedelta(days=90)), ("2w", timedelta(weeks=2))]
)
def test_a_length_of_time_is_read(text: str, length: timedelta) -> None:
    assert duration(text) == length


@pytest.mark.parametrize(
    ("takes", "wrong"),
    [
        pytest.param(duration, "0d", id="no time at all"),
        pytest.param(duration, "530w", id="more than ten years"),
        pytest.param(duration, "1 d", id="a blank"),
        pytest.param(folder, "", id="an empty folder"),
        pytest.param(user_name, "", id="an empty name"),
        pytest.param(user_name, "a\nb", id="a name with a line's end"),
        pytest.param(user_name, "x" * 201, id="a long name"),
    ],
)
def test_what_is_wrong_is_said_with_what_is_taken(takes: Callable[[str], Any], wrong: str) -> None:
    with pytest.raises(ArgumentTypeError, match=r"got .*takes"):
        takes(wrong)


def test_the_name_of_a_project_is_taken_in_the_form_in_which_it_is_stored() -> None:
    assert project_name(" Cafe\u0301 ") == "Caf\u00e9"


def test_a_cell_is_short() -> None:
    moment = datetime(2026, 5, 8, 13, 56, 7, tzinfo=UTC)

    assert [cell(value) for value in (None, moment, ["a", "b"], 5)] == ["-", "2026-05-08T13:56+00:00", "a b", "5"]


def test_columns_are_as_wide_as_their_longest_cell(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("id", "name"), [("1", "a long name"), ("200", "b")])

    assert capsys.readouterr().out == "id   name\n1    a long name\n200  b\n"


def test_json_keeps_other_letters_and_writes_times_as_iso_8601(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"at": datetime(2026, 5, 8, tzinfo=UTC), "text": "汉字"})

    out = capsys.readouterr().out
    assert "汉字" in out
    assert json.loads(out)["at"] == "2026-05-08T00:00:00+00:00"


def test_a_report_is_a_line_or_json(capsys: pytest.CaptureFixture[str]) -> None:
    class Done:
        def to_json(self) -> dict[str, Any]:
            return {"rows": 1}

        def summary(self) -> str:
            return "1 row"

    print_report(Done(), Namespace(json=False))
    print_report(Done(), Namespace(json=True))

    assert capsys.readouterr().out == '1 row\n{\n  "rows": 1\n}\n'


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("a\tb\nc", "a\tb\nc", id="line ends and tabs stay"),
        pytest.param("\x1b[31m\x07\x9b", r"\u001b[31m\u0007\u009b", id="what terminals obey"),
        pytest.param("a\rb\u2028", r"a\rb\u2028", id="what moves the cursor"),
        pytest.param("\u202etxt.exe\u2066", r"\u202etxt.exe\u2066", id="what turns text around"),
        pytest.param("\ud800", r"\ud800", id="a lone surrogate"),
        pytest.param("汉字\u3000é 👩\u200d🚀", "汉字\u3000é 👩\u200d🚀", id="every script"),
    ],
)
def test_a_terminal_is_shown_what_it_would_obey(text: str, shown: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert printable(text) == shown
    print_table(("id",), [(text,)])
    print_rich(("id",), [(text,)])
    assert not set("\x1b\x07\x9b\r\u2028\u202e\ud800") & set(capsys.readouterr().out)
