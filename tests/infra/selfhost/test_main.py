"""`python -m infra.selfhost` starts the commands."""

from __future__ import annotations

import subprocess
import sys

from tests.support.serving import clean_environment


def test_the_program_hands_on_the_exit_status_of_its_commands() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "infra.selfhost", "orphans", "--stack", "there-is-none"],
        capture_output=True,
        text=True,
        env=clean_environment(),
        timeout=60,
        check=False,
    )

    assert done.returncode == 1
    assert done.stderr.startswith("python -m infra.selfhost orphans: there is no Pulumi.there-is-none.yaml")
