"""A project with a selfhost stack, and the commands run on engines that a test makes up."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from infra.selfhost import image_lock, stack_session
from infra.selfhost.command import main
from infra.selfhost.declared import DeclaredStack, declared_stack
from infra.selfhost.engine_calls import DockerHost

STACK = """\
config:
  claude-memory:target: selfhost
  claude-memory:images: {app: "claude-memory:0.1.0"}
  claude-memory:postgresPassword: {secure: "AAABAO"}
"""


_DECLARED: dict[str, DeclaredStack] = {}


def _declared_once(root: Path, stack: str) -> DeclaredStack:
    """Work out the stack above once for all tests, without a lock; anything else each time."""
    file, lock = root / f"Pulumi.{stack}.yaml", root / "images.lock"
    if not file.exists() or lock.exists() or file.read_text(encoding="utf-8") != STACK:
        return declared_stack(root, stack)
    if stack not in _DECLARED:
        _DECLARED[stack] = declared_stack(root, stack)
    return _DECLARED[stack]


@dataclass(frozen=True)
class Ran:
    """What a command printed, and its exit status."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed for machines."""
        return json.loads(self.out)

    @property
    def said(self) -> str:
        """What it printed for people, with single blanks."""
        return " ".join(self.out.split())


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder commands are run in; it has a stack of the default name, and no lock of images."""
    (tmp_path / "Pulumi.yaml").write_text("name: claude-memory\n", encoding="utf-8")
    (tmp_path / "Pulumi.selfhost.yaml").write_text(STACK, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(image_lock, "FILE", tmp_path / "images.lock")
    monkeypatch.setattr(stack_session, "declared_stack", _declared_once)
    return tmp_path


@pytest.fixture
def command(project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Run a command in this process. hosts: the engines of the stack, in place of those that it names."""

    def run(*arguments: str, hosts: list[DockerHost] | None = None) -> Ran:
        if hosts is not None:
            monkeypatch.setattr(DockerHost, "all_of", lambda _: hosts)
        capsys.readouterr()
        status = main(arguments)
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return Ran(status, out, err)

    return run
