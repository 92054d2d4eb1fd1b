"""`stdio` where `app.__main__` leaves it to argparse."""

from __future__ import annotations

import pytest

from app import cli


@pytest.mark.parametrize(
    ("given", "passed"),
    [([], []), (["--data-dir", "/d"], ["--data-dir", "/d"]), (["--data-dir=/d"], ["--data-dir", "/d"])],
)
def test_the_data_directory_reaches_the_bridge(
    monkeypatch: pytest.MonkeyPatch, given: list[str], passed: list[str]
) -> None:
    seen: list[list[str]] = []

    def main(arguments: list[str]) -> int:
        seen.append(arguments)
        return 7

    monkeypatch.setattr("app.bridge.stdio.main", main)

    assert cli.run(["stdio", *given]) == 7
    assert seen == [passed]
