"""`python -m infra.render` starts the driver."""

from __future__ import annotations

import subprocess
import sys

from tests.support.serving import clean_environment


def test_the_program_is_the_driver_and_hands_on_its_exit_status() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "infra.render", "status"],
        capture_output=True,
        text=True,
        env=clean_environment(),
        timeout=30,
        check=False,
    )

    assert done.returncode == 2
    assert done.stderr.startswith("python -m infra.render status: no key for Render's API")
