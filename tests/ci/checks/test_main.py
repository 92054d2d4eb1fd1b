"""`./dev check`: all checks run, and what fails is shown with what to do."""

from __future__ import annotations

import sys

import pytest

from ci.checks.__main__ import CHECKS, Check, run, run_all

FINE = Check(name="fine", command=(sys.executable, "-c", "print('first'); print('all is fine')"), fix="nothing")
BAD = Check(name="bad", command=(sys.executable, "-c", "print('why'); raise SystemExit(1)"), fix="./dev repair")


def test_all_run_and_each_failure_says_why_and_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert not run_all([BAD, FINE])

    shown = capsys.readouterr().out
    assert "what to do: ./dev repair\n        why\n" in shown
    assert "all is fine" in shown
    assert "first" not in shown, "only the last line of what passed"
    assert shown.endswith("failed: bad\n")


def test_when_all_pass_it_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_all([FINE])
    assert capsys.readouterr().out.endswith("all checks passed\n")


def test_a_program_that_is_not_there_is_a_failure() -> None:
    outcome = run(Check(name="x", command=("/nowhere/program",), fix="install it"))

    assert not outcome.passed
    assert outcome.output.startswith("cannot be started")


def test_names_are_different_and_each_says_what_to_do() -> None:
    assert len({check.name for check in CHECKS}) == len(CHECKS)
    assert all(check.fix for check in CHECKS)


def test_the_quick_part_is_part_of_all() -> None:
    assert {check.name for check in CHECKS if check.quick} == {
        "documents",
        "format",
        "lint",
        "secrets",
        "server.json",
        "workflows",
    }


@pytest.mark.parametrize("check", [check for check in CHECKS if check.quick], ids=lambda check: check.name)
def test_the_quick_checks_pass_here(check: Check) -> None:
    outcome = run(check)

    assert outcome.passed, outcome.output
