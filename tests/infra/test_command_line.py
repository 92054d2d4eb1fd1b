"""What the commands of every target share: kinds of arguments, and JSON."""

from __future__ import annotations

from argparse import ArgumentTypeError
from collections.abc import Callable

import pytest

from infra.command_line import count, duration, filled, print_json


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("30m", 1_800), ("12h", 43_200), ("7d", 604_800)], ids=str)
def test_a_length_of_time_is_read_in_seconds(text: str, seconds: int) -> None:
    assert duration(text) == seconds


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (duration, "soon"),
        (duration, "0m"),
        (duration, "5"),
        (count, "0"),
        (count, "-1"),
        (count, "many"),
        (filled, " "),
    ],
)
def test_what_is_no_such_value_is_refused(kind: Callable[[str], object], text: str) -> None:
    with pytest.raises(ArgumentTypeError, match="takes"):
        kind(text)


def test_a_name_loses_its_blanks() -> None:
    assert (filled(" web "), count("12")) == ("web", 12)


def test_json_keeps_letters_of_every_script(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"name": "杭州"})

    assert "杭州" in capsys.readouterr().out
