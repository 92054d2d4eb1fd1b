"""Tables: columns, or paragraphs where a terminal is too narrow for them."""

from __future__ import annotations

import pytest

from infra import tables
from infra.tables import print_table

HEADER = ("name", "state", "runs", "")
ROWS = [
    ("claude-memory-alertmanager", "live", "prometheus:v3.7.3 88b3388", "https://claude-memory-web.onrender.com"),
    ("claude-memory-web", "failed", "-", ""),
]


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """The terminal has 80 columns."""
    monkeypatch.setattr(tables, "_width", lambda: 80)


def test_a_row_is_a_line_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(HEADER, ROWS)

    lines = capsys.readouterr().out.split("\n")
    assert [line.split() for line in lines if "web" in line][1:] == [["claude-memory-web", "failed", "-"]]


@pytest.mark.usefixtures("narrow")
def test_a_narrow_terminal_gets_a_paragraph_for_each_row(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(HEADER, ROWS)

    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        "claude-memory-alertmanager",
        "    state: live · runs: prometheus:v3.7.3 88b3388",
        "    https://claude-memory-web.onrender.com",
        "claude-memory-web",
        "    state: failed",
    ]


@pytest.mark.usefixtures("narrow")
def test_what_fits_into_a_line_of_a_paragraph_stands_in_one(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("", "what", "a", "b"), [("failed", "w" * 40, "1", "2"), ("ok", "x", "y" * 40, "")])

    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert lines == [f"failed  {'w' * 40}", "    a: 1 · b: 2", "ok  x", f"    a: {'y' * 40}"]


@pytest.mark.usefixtures("narrow")
def test_a_table_whose_words_fit_stays_one(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(HEADER, [("a", "live", "many words " * 10, "")])

    assert "name" in capsys.readouterr().out


def test_a_table_without_rows_or_names_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(HEADER, [])
    print_table(("", ""), [("a", "b")])

    assert "a" in capsys.readouterr().out
