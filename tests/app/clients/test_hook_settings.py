"""Our hooks in Claude Code's settings: added and removed, whatever is beside them."""

from __future__ import annotations

import json
import shlex

import pytest

from app.clients.entry import Command
from app.clients.hook_settings import HookEdit
from app.clients.jsonc import Document
from app.clients.jsonc_reading import NotEditable
from tests.support.clients import handlers

SETTINGS = """{
  "model": "opus",
  "permissions": {"allow": ["Bash(git status)"]},
  "hooks": {
    "PostToolUse": [
      {"matcher": "Edit|Write", "hooks": [{"type": "command", "command": "ruff format \\"$FILE\\""}]}
    ],
    "SessionStart": [
      {
        "hooks": [
          {
            "type": "command",
            "command": "~/bin/greet"
          }
        ]
      }
    ]
  }
}
"""
EDIT = HookEdit(Command("/opt/my tools/claude-memory"))


def test_they_are_added_to_what_is_there() -> None:
    before = Document(SETTINGS, comments=False)

    after = EDIT.put(before)

    assert handlers(after, "SessionStart") == ["~/bin/greet", "'/opt/my tools/claude-memory' hook session-start"]
    assert handlers(after, "SessionEnd") == ["'/opt/my tools/claude-memory' hook session-end"]
    assert after.get(["hooks", "PostToolUse"]) == before.get(["hooks", "PostToolUse"])
    assert after.get(["hooks", "SessionEnd", 0, "hooks", 0, "timeout"]) == 10, "the default of 1.5 s is too short"
    assert after.get(["hooks", "SessionStart", 1, "matcher"]) == "startup|clear|compact"
    assert EDIT.put(after) is after
    assert EDIT.take(after).value == before.value


def test_the_shell_line_carries_what_the_command_needs() -> None:
    command = Command("/x y/python", ("-P", "-m", "app"), {"PYTHONPATH": "/the checkout"})
    after = HookEdit(command, {"MEMORY_DATA_DIR": "/d"}).put(Document("{}", comments=False))

    [line] = handlers(after, "SessionEnd")
    assert shlex.split(line) == [
        "PYTHONPATH=/the checkout", "MEMORY_DATA_DIR=/d", "/x y/python", "-P", "-m", "app", "hook", "session-end",
    ]  # fmt: skip


def test_a_moved_installation_is_brought_up_to_date() -> None:
    before = HookEdit(Command("/old/claude-memory")).put(Document(SETTINGS, comments=False))

    after = EDIT.put(before)

    assert handlers(after, "SessionStart") == ["~/bin/greet", "'/opt/my tools/claude-memory' hook session-start"]
    assert len(handlers(after, "SessionEnd")) == 1


def test_ours_are_taken_from_a_group_that_others_share() -> None:
    theirs = {"type": "command", "command": "notify hook session-end"}
    ours = {"type": "command", "command": "/usr/bin/claude-memory hook session-end"}
    value = {"hooks": {"SessionEnd": [{"hooks": [ours, theirs]}, {"hooks": [ours]}, "odd", {"hooks": "odd"}]}}

    after = EDIT.take(Document(json.dumps(value), comments=False))

    assert after.value == {"hooks": {"SessionEnd": [{"hooks": [theirs]}, "odd", {"hooks": "odd"}]}}


def test_what_is_left_empty_goes_too() -> None:
    document = EDIT.put(Document('{"model": "opus"}', comments=False))

    assert EDIT.take(document).value == {"model": "opus"}


@pytest.mark.parametrize(
    "value", ['{"hooks": []}', '{"hooks": {"SessionStart": {}}}', '{"hooks": {"SessionEnd": "x"}}']
)
def test_settings_of_another_shape_are_left_alone(value: str) -> None:
    document = Document(value, comments=False)
    assert EDIT.take(document) is document
    with pytest.raises(NotEditable, match="hooks"):
        EDIT.put(document)
