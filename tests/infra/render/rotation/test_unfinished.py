"""The note of a rotation on disk: read as it was written, this user's alone, told when it cannot be."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from infra.command_errors import CannotDo
from infra.render.rotation.unfinished import Phase, Target, Unfinished, load, path_of

OLD = "sk-" + "old-4c1b"


@pytest.fixture
def noted() -> Unfinished:
    targets = [Target("evg-1", True, "claude-memory-settings", "EMBEDDING_API_KEY")]
    return Unfinished("EMBEDDING_API_KEY", OLD, targets, ["srv-1", "srv-2"], Phase.VERIFYING)


def test_it_is_read_as_it_was_written(noted: Unfinished, tmp_path: Path) -> None:
    noted.save(tmp_path / "a" / "note.json")
    noted.phase = Phase.PUTTING_BACK
    noted.save(tmp_path / "a" / "note.json")

    assert load(tmp_path / "a" / "note.json") == noted
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["note.json"]


def test_only_this_user_can_read_it(noted: Unfinished, tmp_path: Path) -> None:
    noted.save(tmp_path / "a" / "note.json")

    assert stat.S_IMODE((tmp_path / "a" / "note.json").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o700


def test_it_does_not_show_the_old_value(noted: Unfinished) -> None:
    assert OLD not in repr(noted)


def test_without_a_note_there_is_none(tmp_path: Path) -> None:
    assert load(tmp_path / "none.json") is None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"targets": [{"x": 1}]}', "\x00"])
def test_a_note_that_cannot_be_read_is_told(text: str, tmp_path: Path) -> None:
    (tmp_path / "note.json").write_text(text, encoding="utf-8")

    with pytest.raises(CannotDo, match="cannot be read"):
        load(tmp_path / "note.json")


def test_a_folder_that_cannot_be_written_is_told_before_anything_is_changed(noted: Unfinished, tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(CannotDo, match="cannot be written"):
        noted.save(tmp_path / "file" / "note.json")


def test_stacks_and_workspaces_have_their_own_notes() -> None:
    paths = {
        path_of("tea-1", "render", "A"),
        path_of("tea-2", "render", "A"),
        path_of("tea-1", "org/memory/render", "A"),
        path_of("tea-1", "render", "B"),
    }

    assert len(paths) == 4
    assert len({path.parent for path in paths}) == 1
