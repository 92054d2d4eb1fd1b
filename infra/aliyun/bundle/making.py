"""The folder in which a bundle is made. It is locked, so that the next build knows what a killed one has left."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

if sys.platform != "win32":
    import fcntl

_PREFIX = "making-"


@contextmanager
def making(folder: Path) -> Iterator[Path]:
    """Make a folder inside one, and remove it at the end; remove those that killed builds have left there.

    Windows locks no folders, so there nothing is known to be left.
    """
    if sys.platform == "win32":
        with tempfile.TemporaryDirectory(prefix=_PREFIX, dir=folder) as made:
            yield Path(made)
        return
    with _locked(folder, fcntl.LOCK_EX):  # briefly; another build must not take the new folder for one that is left
        _remove_left(folder)
        new = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=folder))
        held = os.open(new, os.O_RDONLY)
        fcntl.flock(held, fcntl.LOCK_EX)
    try:
        yield new
    finally:
        shutil.rmtree(new, ignore_errors=True)
        os.close(held)


if sys.platform != "win32":

    @contextmanager
    def _locked(folder: Path, how: int) -> Iterator[None]:
        """Hold a folder. The kernel releases it with the process. Raises BlockingIOError with LOCK_NB."""
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, how)
            yield
        finally:
            os.close(descriptor)

    def _remove_left(folder: Path) -> None:
        for left in folder.glob(f"{_PREFIX}*"):
            try:
                with _locked(left, fcntl.LOCK_EX | fcntl.LOCK_NB):
                    shutil.rmtree(left, ignore_errors=True)
            except OSError:
                continue  # a build is making it, or has just ended
