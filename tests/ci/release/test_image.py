"""The image's names, as the job's outputs."""

from __future__ import annotations

import subprocess
import sys

from ci.release.identity import ROOT, identity


def run(*args: str) -> subprocess.CompletedProcess[str]:
    # -S: no packages, as in the job.
    command = [sys.executable, "-S", "-m", "ci.release.image", *args]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)


def test_it_prints_them_with_the_standard_library_alone() -> None:
    ours = identity()

    done = run("--tag", f"v{ours.version}", "--repository", ours.repository)

    assert done.stdout.splitlines() == [f"image={ours.image}", f"version={ours.version}", f"server={ours.server}"]


def test_a_wrong_tag_prints_no_name() -> None:
    done = run("--tag", "v99", "--repository", identity().repository)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: the tag is v99, ")
