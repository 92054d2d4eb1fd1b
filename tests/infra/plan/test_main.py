"""`python -m infra.plan`: all example stacks, in a checkout without a secret."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.policies.cases import STACKS
from tests.support.serving import ROOT, clean_environment


def test_all_example_stacks_are_planned_without_a_secret() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "infra.plan", "--all", "--json"],
        cwd=ROOT,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=100,
    )

    assert done.returncode == 0, done.stderr
    assert sorted(json.loads(done.stdout)["stacks"]) == sorted(STACKS)
    assert done.stderr == ""
