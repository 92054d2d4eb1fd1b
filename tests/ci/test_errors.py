"""A command of this folder fails with one line."""

from __future__ import annotations

import pytest

from ci.errors import CiError, exit_code


def test_an_error_is_one_line_and_the_code_1(capsys: pytest.CaptureFixture[str]) -> None:
    def run() -> int:
        raise CiError("what, why, what to do")

    assert exit_code(run) == 1
    assert capsys.readouterr().err == "error: what, why, what to do\n"


def test_otherwise_the_code_is_the_commands() -> None:
    assert exit_code(lambda: 3) == 3
