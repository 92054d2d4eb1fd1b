"""`./dev check`: runs all checks, two at a time, and shows the output of those that fail.

`--quick`: those of a few seconds, for a hook before each commit.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from ci.checks.files import ROOT

_TIMEOUT_S = 600
_AT_ONCE = 2


@dataclass(frozen=True, kw_only=True)
class Check:
    """A program that fails when something is wrong. fix: what to do then; quick: takes less than some seconds."""

    name: str
    command: Sequence[str]
    fix: str
    quick: bool = False


def _python(module: str, *args: str) -> tuple[str, ...]:
    return (sys.executable, "-m", module, *args)


def _program(name: str, *args: str) -> tuple[str, ...]:
    """Return a command of a program beside this Python, or on PATH."""
    beside = Path(sys.executable).with_name(name)
    return (str(beside) if beside.exists() else shutil.which(name) or name, *args)


# The slowest first: they set how long all take.
CHECKS = (
    Check(name="types", command=_python("mypy"), fix="correct what it names; a # type: ignore needs its reason"),
    Check(
        name="plans",
        command=_python("infra.plan", "--all"),
        fix="./dev plan STACK shows the plan; docs/policies.md has each policy and its remedy",
    ),
    Check(name="licences", command=_python("ci.checks.licences"), fix="see ci/checks/licences.toml"),
    Check(name="advisories", command=_python("ci.checks.advisories"), fix="./dev lock --upgrade"),
    Check(
        name="workflows",
        command=_program("zizmor", "--offline", "--quiet", "--no-progress", "."),
        fix="correct what it names; the page it links to says why",
        quick=True,
    ),
    Check(name="pages", command=_python("infra.plan.pages", "--check"), fix="./dev docs, then commit"),
    Check(name="documents", command=_python("app.docs", "--check"), fix="./dev docs, then commit", quick=True),
    Check(name="server.json", command=_python("ci.release", "check"), fix="./dev release server", quick=True),
    Check(name="secrets", command=_python("ci.checks.secrets"), fix="see ci/checks/secrets.toml", quick=True),
    Check(name="lint", command=_python("ruff", "check", "."), fix="ruff check --fix corrects some", quick=True),
    Check(name="format", command=_python("ruff", "format", "--check", "."), fix="ruff format .", quick=True),
)


@dataclass(frozen=True)
class Outcome:
    """How a check ended. output: both streams; seconds: how long it took."""

    check: Check
    passed: bool
    output: str
    seconds: float


def run(check: Check) -> Outcome:
    """Run one."""
    started = time.monotonic()
    try:
        done = subprocess.run(  # noqa: S603 - one of CHECKS
            check.command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=_TIMEOUT_S
        )
        passed, output = done.returncode == 0, done.stdout
    except subprocess.TimeoutExpired:
        passed, output = False, f"not done after {_TIMEOUT_S} s"
    except OSError as error:
        passed, output = False, f"cannot be started: {error}"
    return Outcome(check, passed, output.strip(), time.monotonic() - started)


def report(outcome: Outcome) -> str:
    """Return what is shown of an outcome."""
    last = outcome.output.splitlines()[-1:] or [""]
    if outcome.passed:
        return f"ok      {outcome.check.name:12}{outcome.seconds:6.1f} s  {last[0][:120]}"
    head = f"FAILED  {outcome.check.name:12}{outcome.seconds:6.1f} s  what to do: {outcome.check.fix}"
    return "\n".join([head, *(f"        {line}" for line in outcome.output.splitlines())])


def run_all(checks: Sequence[Check]) -> bool:
    """Run checks and print each outcome as it comes; whether all passed. All run, so that one round shows all."""
    failed = []
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for future in as_completed([pool.submit(run, check) for check in checks]):
            outcome = future.result()
            print(report(outcome), flush=True)
            failed += [] if outcome.passed else [outcome.check.name]
    print(f"failed: {', '.join(failed)}" if failed else "all checks passed")
    return not failed


def main() -> int:
    """Run what the arguments say; 1 when something failed."""
    parser = argparse.ArgumentParser(prog="./dev check", description="Check the whole project.")
    parser.add_argument("--quick", action="store_true", help="only what takes seconds")
    args = parser.parse_args()
    return 0 if run_all([check for check in CHECKS if check.quick or not args.quick]) else 1


if __name__ == "__main__":
    sys.exit(main())
