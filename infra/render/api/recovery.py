"""How what a POST made is found again when its answer was lost."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from infra.render.api.clock import seconds

_ID_LETTERS = 20  # behind the prefix, as in srv-ct6vmjtj0q5s700ckea0


def _as_it_is(found: dict[str, Any]) -> Any:
    return found


@dataclass(frozen=True, kw_only=True)
class Recovery:
    """How to look for what one POST made.

    candidates: what is there now and could be it, by name, owner and kind; older ones are sorted out later.
    answer: makes of the one found what the POST would have answered.
    unique: Render refuses a second one of the same name, so with none there the POST may be sent again.
    may_be_empty: an answer without a body is no lost one, as of a deploy that queues.
    """

    candidates: Callable[[], Iterable[dict[str, Any]]]
    answer: Callable[[dict[str, Any]], Any] = _as_it_is
    unique: bool = False
    may_be_empty: bool = False


def made_s(resource: dict[str, Any]) -> float | None:
    """Return when a resource was made, or a little later, in seconds since 1970; None if it does not tell.

    Environments, webhooks and registry credentials have no createdAt, but every id recorded begins with the second
    in which it was given (566 ids that came with a createdAt were never later than it).
    """
    if resource.get("createdAt"):
        return seconds(resource["createdAt"])
    letters = str(resource.get("id", "")).partition("-")[2][:_ID_LETTERS]
    try:
        raw = base64.b32hexdecode(letters.upper() + "=" * 4)
    except binascii.Error:
        return None
    return int.from_bytes(raw[:4], "big") + 1.0 if len(letters) == _ID_LETTERS else None
