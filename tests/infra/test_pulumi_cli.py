"""The command `pulumi`, run for its answer: what it prints, and its failures in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra import pulumi_cli
from infra.command_errors import CannotDo


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that stands for the command."""
    file = tmp_path / "bin" / "pulumi"
    file.parent.mkdir()
    monkeypatch.setenv("PATH", f"{file.parent}:/usr/bin:/bin")
    return file


def write(command: Path, script: str) -> None:
    command.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    command.chmod(0o755)


def test_the_answer_is_what_it_prints(command: Path, tmp_path: Path) -> None:
    write(command, 'echo "$@"; cat')

    said = pulumi_cli.answer(tmp_path, "aliyun", "config", "set", "key", value="made-up")

    assert said == "config set key --stack aliyun --non-interactive\nmade-up"


def test_a_failure_is_one_line_with_what_it_said(command: Path, tmp_path: Path) -> None:
    write(command, "echo 'error: no stack' >&2; echo named so >&2; exit 255")

    with pytest.raises(CannotDo, match=r"^pulumi config get failed: error: no stack named so$"):
        pulumi_cli.answer(tmp_path, "aliyun", "config", "get", "adminToken")


def test_a_stack_that_is_not_there_says_how_to_make_it(command: Path, tmp_path: Path) -> None:
    write(command, """echo "error: no stack named 'aliyun' found" >&2; exit 255""")

    with pytest.raises(CannotDo, match=r"'aliyun' found; make it with `pulumi stack init aliyun`$"):
        pulumi_cli.answer(tmp_path, "aliyun", "stack", "output")


def test_without_the_command_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")

    with pytest.raises(CannotDo, match="not on PATH"):
        pulumi_cli.answer(tmp_path, "aliyun", "stack", "output")
