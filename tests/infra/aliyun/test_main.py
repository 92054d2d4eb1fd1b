"""`python -m infra.aliyun` is the driver."""

from __future__ import annotations

from infra.aliyun import __main__ as program
from infra.aliyun.driver.cli import main


def test_the_program_is_the_drivers() -> None:
    assert program.main is main
