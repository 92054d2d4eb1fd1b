"""The commands' errors, and how a program ends."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from infra.command_errors import CannotDo
from infra.selfhost import orphans_command
from infra.selfhost.command import main
from tests.infra.selfhost.conftest import Ran


@pytest.mark.parametrize(
    "arguments", [[], ["nonsense"], ["orphans", "--unknown"], ["orphans", "--stack", ""], ["logs"], ["images"]]
)
def test_wrong_usage_is_told_and_has_a_status_of_its_own(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert "python -m infra.selfhost" in capsys.readouterr().err


def test_help_is_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    said = capsys.readouterr().out
    assert all(name in said for name in ("status", "logs", "top", "orphans", "images"))


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (CannotDo("the reason"), 1, "python -m infra.selfhost orphans: the reason\n"),
        (KeyboardInterrupt(), 130, "stopped\n"),
    ],
)
def test_an_error_is_one_line(
    error: BaseException,
    status: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(orphans_command, "hosts_of", fail)

    assert main(["orphans"]) == status
    assert capsys.readouterr().err == said


def test_an_action_is_named_in_its_error(command: Callable[..., Ran], project: Path) -> None:
    (project / "images.lock").write_text("<<<<<<< HEAD\n", encoding="utf-8")

    ran = command("images", "check")

    assert ran.status == 1
    assert ran.err == (
        "python -m infra.selfhost images check: images.lock, line 1: takes NAME:TAG@sha256:DIGEST;"
        " run `images lock` again\n"
    )
