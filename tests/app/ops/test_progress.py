"""The bar on a terminal's stderr."""

from __future__ import annotations

import pytest

from app.ops.progress import Bar


def test_without_a_terminal_nothing_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with Bar("importing") as bar:
        bar.total(100)
        bar.read(50)
        bar.done(7)

    assert capsys.readouterr() == ("", "")


def test_on_a_terminal_it_says_what_is_done_and_leaves_nothing_behind(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    monkeypatch.setenv("FORCE_COLOR", "1")
    with Bar("importing") as bar:
        bar.total(100)
        bar.read(50)
        bar.done(1_234)

    out, shown = capsys.readouterr()
    assert out == ""
    assert "importing" in shown
    assert "1,234 done" in shown
