"""`./dev release build`: all that a tag publishes, up to the upload."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from ci.release.identity import ROOT, identity


def run(*args: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ci.release", *args]
    return subprocess.run(command, cwd=ROOT, env=os.environ, capture_output=True, text=True, timeout=300)


def test_everything_is_built_and_listed(tmp_path: Path) -> None:
    version = identity().version

    done = run("build", "--out", str(tmp_path / "release"))

    assert done.returncode == 0, done.stderr
    assert [Path(line).relative_to(tmp_path / "release").as_posix() for line in done.stdout.splitlines()] == [
        f"dist/claude_memory-{version}-py3-none-any.whl",
        f"dist/claude_memory-{version}.tar.gz",
        "notes.md",
        "sbom.cdx.json",
        "server.json",
    ]


def test_a_tag_of_another_version_builds_nothing(tmp_path: Path) -> None:
    done = run("build", "--tag", "v99.0.0", "--repository", identity().repository, "--out", str(tmp_path / "release"))

    assert done.returncode == 1
    assert done.stderr.startswith("error: the tag is v99.0.0, but ")
    assert not (tmp_path / "release").exists()


def test_files_of_another_build_are_not_mixed_in(tmp_path: Path) -> None:
    (tmp_path / "old.whl").touch()

    done = run("build", "--out", str(tmp_path))

    assert done.returncode == 1
    assert "is not empty" in done.stderr
