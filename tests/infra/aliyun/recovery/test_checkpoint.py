"""The file of a state is repaired where a kill left the small one beside it half written."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.aliyun.recovery.checkpoint import repair
from infra.aliyun.recovery.engine import Engine
from infra.command_errors import CannotDo
from tests.support.aliyun_stack import Stack


def engine(stack: Stack, said: list[str]) -> Engine:
    return Engine(folder=stack.folder, stack="aliyun", say=said.append, sleep=lambda seconds: None)


def test_what_is_half_written_is_removed_and_the_state_is_read(stack: Stack) -> None:
    stack.leave_half_written()
    said: list[str] = []

    assert "deployment" in engine(stack, said).exported()
    assert said == ["a killed pulumi left a part of the state's file half written; it is repaired"]
    assert not repair(stack.folder, "aliyun")


def test_what_is_whole_stays(stack: Stack) -> None:
    stack.leave_half_written()
    [file] = stack.folder.glob(".pulumi/stacks/claude-memory/*.attrs")
    file.write_text('{"user.content_type": "application/json"}', encoding="utf-8")

    assert not repair(stack.folder, "aliyun")
    assert file.exists()


@pytest.mark.parametrize("backend", ["file://~", "file://~/some%20folder", "file://{home}?no_tmp_dir=true", "file://."])
def test_a_state_is_found_as_pulumi_names_its_place(
    backend: str, stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    place = {"file://~/some%20folder": home / "some folder", "file://.": stack.folder}.get(backend, home)
    file = place / ".pulumi" / "stacks" / "claude-memory" / "aliyun.json.attrs"
    file.parent.mkdir(parents=True)
    file.touch()
    monkeypatch.setenv("HOME", str(home))
    stack._put(backend=backend.format(home=home))

    assert repair(stack.folder, "aliyun")
    assert not file.exists()


def test_a_state_elsewhere_is_not_repaired(stack: Stack) -> None:
    stack.leave_half_written(backend="s3://" + str(stack.folder)[2:])

    assert not repair(stack.folder, "aliyun")


def test_another_failure_is_told(stack: Stack) -> None:
    (stack.bin / "pulumi").write_text("#!/bin/sh\necho error: no stack named aliyun >&2\nexit 255\n", "utf-8")

    with pytest.raises(CannotDo, match="no stack named aliyun"):
        engine(stack, []).exported()
