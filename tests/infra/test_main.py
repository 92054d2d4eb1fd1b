"""What `pulumi` runs: the file that `main` in Pulumi.yaml leads to."""

from __future__ import annotations

import subprocess
import sys

from tests.support.serving import ROOT, clean_environment


def test_it_finds_both_packages_from_its_own_folder_and_runs_the_target_of_the_stack() -> None:
    environment = clean_environment()
    del environment["PYTHONPATH"]

    done = subprocess.run(
        [sys.executable, "-c", "import runpy; runpy.run_path('__main__.py', run_name='__main__')"],
        cwd=ROOT / "infra",
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )

    # Without an engine there is no stack, so the first question to it is refused: nothing was missing before that.
    assert done.returncode != 0
    assert "ModuleNotFoundError" not in done.stderr
    assert "stack_values" in done.stderr or "ConfigError" in done.stderr, done.stderr
