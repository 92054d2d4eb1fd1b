"""Some space that is kept for PostgreSQL: given up when its disk is full, so that it can start and answer reads.

PostgreSQL stops when it cannot extend its log, and cannot even recover without space for it.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from app.datadir import space

SIZE_BYTES = 24 << 20  # some segments of its log (4 MB each), and what a recovery writes again
# A user's data is not written with less than this free: what is left then belongs to PostgreSQL's own work.
WRITES_NEED_BYTES = 32 << 20
_KEPT_FROM_BYTES = 8 * SIZE_BYTES  # of free space


class Reserve:
    """The file that takes the space. All calls are harmless to repeat."""

    def __init__(self, home: Path) -> None:
        """home: the folder of the cluster's folder."""
        self._file = home / "reserve"

    def keep(self) -> None:
        """Take the space when there is plenty of it."""
        with suppress(OSError):
            if self._file.exists() or space.shortage(self._file.parent, _KEPT_FROM_BYTES):
                return
            with self._file.open("xb") as file:
                space.allocate(file.fileno(), SIZE_BYTES)

    def give_up(self) -> None:
        """Free the space."""
        with suppress(OSError):
            os.unlink(self._file)  # noqa: PTH108 - by its own name, even if it is a link
