"""`python -m infra.plan`: all example stacks within seconds, in a checkout without a secret."""

from __future__ import annotations

import json
import resource
import subprocess
import sys

from tests.policies.cases import STACKS
from tests.support.serving import ROOT, clean_environment

_MOST_S = 5.0


def test_all_example_stacks_are_planned_within_seconds_of_processor_time() -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-m", "infra.plan", "--all", "--json"],
        cwd=ROOT,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=100,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)

    assert done.returncode == 0, done.stderr
    assert sorted(json.loads(done.stdout)["stacks"]) == sorted(STACKS)
    assert done.stderr == ""
    # Of all processes together: what others do on the machine does not count.
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < _MOST_S
