"""`serve` where `app.__main__` leaves it to argparse."""

from __future__ import annotations

import pytest

from app import cli
from app.process.begun import Flags


@pytest.mark.parametrize(
    ("given", "flags"),
    [
        ([], Flags()),
        (["--host", "::1", "--port=0", "--data-dir", "/d", "--debug"], Flags("::1", "0", "/d", debug=True)),
    ],
)
def test_its_options_reach_the_boot(monkeypatch: pytest.MonkeyPatch, given: list[str], flags: Flags) -> None:
    seen: list[Flags] = []

    def serve(flags: Flags) -> int:
        seen.append(flags)
        return 7

    monkeypatch.setattr("app.process.boot.serve", serve)

    assert cli.run(["serve", *given]) == 7
    assert [vars(one) for one in seen] == [vars(flags)]
