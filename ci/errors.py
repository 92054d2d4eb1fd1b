"""The error that ends a command of this folder with one line."""

from __future__ import annotations

import sys
from collections.abc import Callable


class CiError(Exception):
    """One line: what failed, why, what to do."""


def exit_code(run: Callable[[], int]) -> int:
    """Run a command; print a CiError as one line and return 1."""
    try:
        return run()
    except CiError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
