"""`edit`: by options, or in an editor."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from app.ops import editor as editing
from tests.app.commands.conftest import Typed


@pytest.fixture
def id_(typed: Typed) -> str:
    """A memory's id."""
    return str(json.loads(typed("remember", "apples", "--tags", "x", "--json")[1])["id"])


def shown(typed: Typed, id_: str) -> Any:
    return json.loads(typed("show", id_, "--json")[1])


def editor(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Let EDITOR be a script that gets the file as $1."""
    program = folder / "my editor"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", f"'{program}'")


def test_options_change_what_they_name_and_nothing_else(typed: Typed, id_: str) -> None:
    assert typed("edit", id_, "--kind", "fact", "--project", "p") == (0, f"changed: {id_}, version 2\n", "")
    assert (shown(typed, id_)["kind"], shown(typed, id_)["project"], shown(typed, id_)["tags"]) == ("fact", "p", ["x"])
    assert typed("edit", id_, "--project", "")[0] == 0
    assert not shown(typed, id_)["project"]
    typed("edit", id_, "--tags", "", "--text", "-", given="pears")
    assert (shown(typed, id_)["tags"], shown(typed, id_)["text"]) == ([], "pears")
    typed("edit", id_, "--archive")
    assert shown(typed, id_)["archived_at"] is not None
    assert json.loads(typed("edit", id_, "--unarchive", "--json")[1])["version"] == 6
    assert shown(typed, id_)["archived_at"] is None


def test_the_text_is_edited_in_an_editor_on_a_terminal(
    typed: Typed, id_: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor(tmp_path, monkeypatch, 'printf "%s and pears\\n" "$(cat "$1")" >"$1"')

    assert typed("edit", id_, terminal=True) == (0, f"changed: {id_}, version 2\n", "")
    assert shown(typed, id_)["text"] == "apples and pears"


def test_a_text_that_stays_as_it_was_changes_nothing(
    typed: Typed, id_: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor(tmp_path, monkeypatch, 'echo >>"$1"')

    assert typed("edit", id_, terminal=True)[:2] == (0, "nothing changed\n")
    assert shown(typed, id_)["version"] == 1


def test_a_change_by_someone_else_meanwhile_is_not_overwritten_and_what_was_written_is_kept(
    typed: Typed, id_: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor(tmp_path, monkeypatch, 'echo mine >"$1"')
    run = editing._run_editor

    def changed_meanwhile(path: Path) -> None:
        run(path)
        typed("edit", id_, "--kind", "fact")

    monkeypatch.setattr(editing, "_run_editor", changed_meanwhile)
    status, _, error = typed("edit", id_, terminal=True)

    kept, refusal = error.splitlines()
    draft = Path(kept.removeprefix("claude-memory: what you wrote is in "))
    assert (status, draft.read_text()) == (1, "mine\n")
    assert "was changed meanwhile, so nothing was stored" in refusal
    assert shown(typed, id_)["text"] == "apples"
    draft.unlink()


def test_without_a_terminal_it_must_be_said_what_to_change(typed: Typed, id_: str) -> None:
    with pytest.raises(SystemExit) as end:
        typed("edit", id_)
    assert end.value.code == 2
