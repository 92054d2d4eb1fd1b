"""`daemon` where `app.__main__` leaves it to argparse."""

from __future__ import annotations

from typing import Any

import pytest

from app import cli
from app.process.begun import Flags


@pytest.mark.parametrize(
    ("given", "flags"),
    [
        ([], Flags(daemon=True)),
        (["--supervised"], Flags(daemon=True, supervised=True)),
        (["--data-dir=/d", "--debug"], Flags(data_dir="/d", debug=True, daemon=True)),
    ],
)
def test_its_options_reach_the_boot(boots: list[dict[str, Any]], given: list[str], flags: Flags) -> None:
    assert cli.run(["daemon", *given]) == 7
    assert boots == [vars(flags)]
