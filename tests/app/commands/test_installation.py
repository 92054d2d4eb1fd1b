"""Options of `install` and `uninstall`."""

from __future__ import annotations

import pytest

from app import cli
from app.clients.install import Machine


@pytest.mark.parametrize("command", ["install", "uninstall"])
@pytest.mark.parametrize(
    "wrong", [["--client", "emacs"], ["--name", ""], ["--name", "x" * 65], ["--name", "a/b"], ["--scope", "world"]]
)
def test_what_no_client_has_is_wrong_usage(in_home: Machine, command: str, wrong: list[str]) -> None:
    assert cli.run([command, *wrong]) == 2


def test_clients_may_be_named_together_or_one_by_one(in_home: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["install", "--dry-run", "--client", "zed", "cursor", "--client", "vscode"]) == 0

    said = capsys.readouterr().out
    assert all(f"{name}: " in said for name in ("zed", "cursor", "vscode"))
    assert "windsurf: " not in said
