"""The files that belong to the project: those that git knows or would add."""

from __future__ import annotations

import subprocess
from pathlib import Path

from ci.errors import CiError

ROOT = Path(__file__).resolve().parents[2]
_TIMEOUT_S = 60


def project_files(root: Path = ROOT) -> list[Path]:
    """Return all files but ignored and deleted ones. Raises CiError outside of a checkout."""
    done = subprocess.run(  # noqa: S603 - a fixed command
        ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],  # noqa: S607
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
    )
    if done.returncode != 0:
        raise CiError(f"git cannot list the files of {root}: {done.stderr.strip()}")
    files = (root / name for name in sorted(set(done.stdout.split("\0"))) if name)
    return [file for file in files if file.is_file() and not file.is_symlink()]
