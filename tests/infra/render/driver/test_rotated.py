"""What is told of a rotation that is done, and what the stack's file gets."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.standins.render.app import DeployedApp
from tests.support.render_stack import (
    NEW_TOKEN,
    Drive,
    Stack,
)


@pytest.fixture
def pulumi(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A stack's file with the token, and a `pulumi` that notes its arguments and what comes in."""
    text = "config:\n  claude-memory:adminToken:\n    secure: v1:abc\n"
    (folder / "Pulumi.render.yaml").write_text(text, encoding="utf-8")
    commands = folder / "bin"
    commands.mkdir()
    script = f'#!/bin/sh\n[ -e {folder}/broken ] && echo "error: incorrect passphrase" >&2 && exit 1\n'
    (commands / "pulumi").write_text(f'{script}echo "$*" >{folder}/asked\ncat >{folder}/given\n', encoding="utf-8")
    (commands / "pulumi").chmod(0o755)
    monkeypatch.setenv("PATH", f"{commands}:/usr/bin:/bin")
    yield folder
    if (folder / "asked").exists():
        assert NEW_TOKEN not in (folder / "asked").read_text(encoding="utf-8")


def test_the_stacks_file_gets_the_new_value(stack: Stack, app: DeployedApp, drive: Drive, pulumi: Path) -> None:
    ran = drive("rotate", "ADMIN_TOKEN", stdin=NEW_TOKEN)

    assert (ran.status, "Pulumi.render.yaml has the new value as adminToken" in ran.out) == (0, True)
    asked = (pulumi / "asked").read_text(encoding="utf-8")
    assert asked == "config set --secret adminToken --stack render --non-interactive\n"
    assert (pulumi / "given").read_text(encoding="utf-8") == NEW_TOKEN


def test_a_stacks_file_that_keeps_the_old_value_is_a_failure_that_says_what_to_do(
    stack: Stack, app: DeployedApp, drive: Drive, pulumi: Path
) -> None:
    (pulumi / "broken").touch()

    ran = drive("rotate", "ADMIN_TOKEN", stdin=NEW_TOKEN)
    assert ran.status == 1
    assert "Pulumi.render.yaml still has the old value, which the next `pulumi up` would set" in ran.out
    assert "incorrect passphrase" in ran.out
    assert "pulumi config set --secret adminToken --stack render" in ran.out
    assert app.environment["ADMIN_TOKEN"] == NEW_TOKEN


def test_a_generated_token_is_written_to_a_file_and_let_in(
    stack: Stack, app: DeployedApp, drive: Drive, folder: Path
) -> None:
    ran = drive("rotate", "ADMIN_TOKEN", "--generate", "--to-file", "token")

    new = (folder / "token").read_text(encoding="utf-8").strip()
    assert ran.status == 0, ran.err
    assert re.fullmatch(r"cm_[A-Za-z0-9_-]{43}", new)
    assert stat.S_IMODE((folder / "token").stat().st_mode) == 0o600
    assert app.environment["ADMIN_TOKEN"] == new
    assert new not in ran.out + ran.err
    assert "the old token is still accepted; `claude-memory token list`" in ran.out
