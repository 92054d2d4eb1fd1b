"""The commands' errors, and how a program ends."""

from __future__ import annotations

import pytest

from infra.command_errors import CannotDo
from infra.selfhost import orphans_command
from infra.selfhost.command import main


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["orphans", "--unknown"], ["orphans", "--stack", ""]])
def test_wrong_usage_is_told_and_has_a_status_of_its_own(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert "python -m infra.selfhost" in capsys.readouterr().err


def test_help_is_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    assert "orphans" in capsys.readouterr().out


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
