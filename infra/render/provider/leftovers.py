"""What an interrupted update left: made by a POST whose answer never reached the state.

Render has no idempotency key and no labels, so such a thing is known by its name, by the properties that cannot be
changed, and by being made within the last day. It is taken over, and the update goes on with it. Anything else of the
same name is the user's own: it is never touched, and the error says how to import it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from infra.render.api.clock import seconds
from infra.render.provider.turn import ProviderError, Turn
from infra.render.provider.values import Json

# Who interrupts an update goes on with it on the same day; anything older may well be someone else's.
RECENT_S = 86_400.0


class Exists(ProviderError):
    """Something of this name is there, and it is not ours."""


def leftover(
    turn: Turn, token: str, what: str, candidates: Iterable[Json], same: Callable[[Json], bool]
) -> Json | None:
    """Return what an interrupted update made, to go on with; None: nothing of the name is in the way.

    candidates: all of the name. same: whether it has the properties that a change would replace it for.
    Raises Exists.
    """
    old_id = turn.memory.ids.get(turn.urn)
    others = [one for one in candidates if one["id"] != old_id]
    if turn.urn in turn.memory.replaced and old_id is None:
        # One of them is the resource that is about to be replaced, and there is no telling which.
        return None
    for one in others:
        recent = turn.api.clock.now() - seconds(one["createdAt"]) < RECENT_S if "createdAt" in one else True
        if recent and same(one) and turn.memory.taken.get(one["id"], turn.urn) == turn.urn:
            turn.memory.taken[one["id"]] = turn.urn
            turn.log.info(f"Going on with {one['id']}, which an interrupted update made.")
            return one
    if others:
        one = others[0]
        made = f", made {one['createdAt']}" if "createdAt" in one else ""
        raise Exists(
            f"A {what} named {one.get('name')!r} exists already ({one['id']}{made}), and no interrupted update made "
            f"it. Import it with `pulumi import {token} {turn.name} {one['id']}`, or choose another name."
        )
    return None
