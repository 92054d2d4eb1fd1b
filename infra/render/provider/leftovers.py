"""What an interrupted update left: made by a POST whose answer never reached the state.

Render has no idempotency key and no labels, so such a thing is known by its name, by being just what the program says,
and by being made within the last day. It is taken over, and the update goes on with it. Anything else of the same name
is not ours, or of another stack: it is never touched, and the error says how to import it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import ClassVar, Protocol

from infra.render.api.clock import seconds
from infra.render.provider.turn import ProviderError, Turn
from infra.render.provider.values import Json

# Whoever interrupts an update goes on with it on the same day; anything older may well be someone else's.
RECENT_S = 86_400.0


class Named(Protocol):
    """The part of a life cycle that a message needs."""

    token: ClassVar[str]
    what: ClassVar[str]


class Exists(ProviderError):
    """Something of this name is there, and it is not ours."""


def leftover(turn: Turn, type_: Named, candidates: Iterable[Json], equal: Callable[[Json], bool]) -> Json | None:
    """Return what an interrupted update made, to go on with; None: nothing of the name is in the way.

    candidates: all of the name. equal: whether one is what the program says, as far as the POST says it.
    Raises Exists.
    """
    old_id = turn.memory.ids.get(turn.urn)
    others = [one for one in candidates if one["id"] != old_id]
    if turn.urn in turn.memory.replaced and old_id is None:
        # One of them is the resource that is about to be replaced, and there is no telling which.
        return None
    for one in others:
        free = turn.memory.taken.get(one["id"], turn.urn) == turn.urn
        if free and _recent(turn, one) and equal(one):
            turn.memory.taken[one["id"]] = turn.urn
            turn.log.info(f"Going on with {one['id']}, which an interrupted update made.")
            return one
    if others:
        one = others[0]
        raise Exists(
            f"A {type_.what} named {one.get('name')!r} exists already ({one['id']}), and it is not what an interrupted "
            f"update of this program made in the last day. Import it with `pulumi import {type_.token} {turn.name} "
            f"{one['id']}`, or choose another name. If it is this resource's own, which `--replace` names, give the "
            "resource the option delete_before_replace."
        )
    return None


def _recent(turn: Turn, one: Json) -> bool:
    made = one.get("createdAt") or one.get("updatedAt")
    return not made or turn.api.clock.now() - seconds(made) < RECENT_S
