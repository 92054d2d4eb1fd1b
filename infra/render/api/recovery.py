"""How what a POST made is found again when its answer was lost."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any


def _as_it_is(found: dict[str, Any]) -> Any:
    return found


@dataclass(frozen=True, kw_only=True)
class Recovery:
    """candidates: what is there now and could be it, by name, owner and kind; older ones are sorted out by createdAt.
    answer: makes of the one found what the POST would have answered.
    unique: Render refuses a second one of the same name, so with none there the POST may be sent again.
    """

    candidates: Callable[[], Iterable[dict[str, Any]]]
    answer: Callable[[dict[str, Any]], Any] = _as_it_is
    unique: bool = False
