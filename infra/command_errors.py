"""Why a command cannot do what it was asked for. Each message is one line: what, to what, why, what to do."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class CannotDo(Exception):
    """What was asked for cannot be done, or failed."""

    exit_status = 1


class WrongUsage(CannotDo):
    """The arguments do not say what to do; nothing was done."""

    exit_status = 2


def meant(name: str, known: Iterable[str], *, nearness: float = 0.6) -> str:
    """Return "; did you mean …?", or nothing where no known name is near. nearness: 0 any, 1 the same."""
    by_fold = {one.casefold(): one for one in known}
    near = [by_fold[one] for one in get_close_matches(name.casefold(), by_fold, 3, nearness)]
    return f"; did you mean {' or '.join(near)}?" if near else ""
