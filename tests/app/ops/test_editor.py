"""A text in an editor: a file of the user's alone, gone afterwards unless what was written would be lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.errors import Conflict
from app.ops.editor import NotEdited, edited


@pytest.fixture
def drafts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of drafts."""
    folder = tmp_path / "drafts"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    monkeypatch.delenv("VISUAL", raising=False)
    return folder


def use(editor: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDITOR", editor)


@pytest.mark.parametrize("text", ["plain", "two\r\nlines\n", "汉字\n\n", ""])
def test_a_text_that_is_left_alone_comes_back_as_it_was(
    text: str, drafts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use("true", monkeypatch)

    with edited(text) as after:
        assert after == text
        [draft] = drafts.iterdir()
        assert draft.stat().st_mode & 0o777 == 0o600
    assert list(drafts.iterdir()) == []


def test_visual_comes_before_editor_and_may_have_arguments(drafts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use("false", monkeypatch)
    monkeypatch.setenv("VISUAL", "sed -i -e s/a/b/")

    with edited("a") as after:
        assert after == "b"


@pytest.mark.parametrize(
    ("editor", "says"),
    [("false", "ended with exit status 1"), ("/no/such/editor", "No such file"), ("'", "No closing quotation")],
)
def test_an_editor_that_fails_changes_nothing(
    editor: str, says: str, drafts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(editor, monkeypatch)

    with pytest.raises(NotEdited, match=says), edited("a"):
        pytest.fail("it went on")
    assert list(drafts.iterdir()) == []


def test_what_was_written_is_kept_when_it_cannot_be_stored(
    drafts: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    use("sed -i s/a/b/", monkeypatch)

    with pytest.raises(Conflict), edited("a"):
        raise Conflict("someone else was quicker")

    [draft] = drafts.iterdir()
    assert draft.read_text() == "b"
    assert capsys.readouterr().err == f"claude-memory: what you wrote is in {draft}\n"
