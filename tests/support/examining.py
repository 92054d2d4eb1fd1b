"""Runs `claude-memory doctor` in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from tests.support.bridges import Machine
from tests.support.serving import PATIENCE_S, clean_environment

SECRET = "sk-made-up-key-for-this-test"


def run_doctor(machine: Machine, *arguments: str, **environment: str) -> tuple[int, dict[str, Any]]:
    """Run the command; return its exit status and its checks by name."""
    done = subprocess.run(
        [sys.executable, "-m", "app", "doctor", "--json", "--data-dir", str(machine.data_dir), *arguments],
        cwd=machine.data_dir.parent,
        env=clean_environment(HOME=str(machine.data_dir.parent), **environment),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S * 2,
        check=False,
    )
    assert done.stderr == "", done.stderr
    assert SECRET not in done.stdout
    report = json.loads(done.stdout)
    assert report["ok"] == (done.returncode == 0)
    return done.returncode, {check["name"]: check for check in report["checks"]}


def states(checks: dict[str, Any]) -> dict[str, str]:
    """Return the state of each check by name."""
    return {name: check["state"] for name, check in checks.items()}
