"""`python -m infra.aliyun` is the driver."""

from __future__ import annotations

from importlib import import_module

from infra.aliyun.driver.cli import main


def test_the_program_is_the_drivers() -> None:
    assert import_module("infra.aliyun.__main__").main is main
