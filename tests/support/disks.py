"""A file system of a few megabytes, to be filled."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_PATIENCE_S = 60


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """Mount one as long as the block lasts; for root. Skips the test where that is not allowed."""
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], check=False).returncode:
        pytest.skip("this root may not mount")
    try:
        folder.chmod(0o755)
        yield folder
    finally:
        _unmount(folder)


def _unmount(folder: Path) -> None:
    """Unmount; what was killed there may need a moment to end."""
    deadline = time.monotonic() + _PATIENCE_S
    while subprocess.run(["umount", folder], check=False, capture_output=True).returncode:
        assert time.monotonic() < deadline, f"{folder} is still in use after {_PATIENCE_S} s"
        time.sleep(0.2)
