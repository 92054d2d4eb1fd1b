"""Makes the engine's points out of a session's members: which ones a change touches, and what they hold now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from app.index.engine import Payload, Point
from app.memory.bm25 import NEIGHBOURS, session_vector, window_vector
from app.memory.change_log import Member


def session_points(
    session: UUID,
    members: Sequence[Member],
    changed: Collection[int] | None,
    vectors: Mapping[UUID, bytes] | None = None,
) -> list[Point]:
    """Return the points of a session to write.

    members: its live memories in order of position, at least one.
    changed: positions that changed; the turns near them are re-weighed. None: all of them.
    vectors: those of `vectors_needed`, as app/memory/vectors.py keeps them, all of one size.
    The session's own vector stands on the point of its first memory, also when that memory is gone.
    """
    first = members[0].position
    places: list[Member | None] = [None] * (members[-1].position - first + 1)  # a turn that is gone keeps its place
    for member in members:
        places[member.position - first] = member
    turns = [None if member is None else Counter(member.terms) for member in places]
    whole = session_vector(turn for turn in turns if turn)
    kept = [None if member is None else vectors.get(member.id) for member in places] if vectors else None
    points = []
    for member in members:
        is_first = member.id == session
        if is_first or changed is None or _is_near(member.position, changed):
            at = member.position - first
            points.append(
                Point(
                    id=member.id,
                    payload=_payload(member),
                    window=window_vector(turns, at),
                    session=whole if is_first else None,
                    dense=_mixed(kept, at) if kept else None,
                )
            )
    if all(member.id != session for member in members):
        points.append(Point(id=session, payload=_payload(members[0]), window=None, session=whole))
    return points


def vectors_needed(session: UUID, members: Sequence[Member], changed: Collection[int] | None) -> list[UUID]:
    """Return the memories whose vectors go into the points that `session_points` makes.

    Those near a change are mixed with their own neighbours, and the session's first is always written.
    """
    if changed is None:
        return [member.id for member in members]
    around = {*changed, *(member.position for member in members[:1] if member.id == session)}
    return [member.id for member in members if _is_near(member.position, around, 2 * NEIGHBOURS)]


def of_size(vectors: Mapping[UUID, bytes], size: int) -> dict[UUID, bytes]:
    """Leave out vectors that the service made of another size under the same name: the engine takes one size."""
    from app.memory.vectors import size_of

    return {id_: vector for id_, vector in vectors.items() if size_of(vector) == size}


def _mixed(kept: Sequence[bytes | None], at: int) -> bytes | None:
    from app.memory.vectors import mixed  # brings numpy, which a server without a model never loads

    return mixed(kept, at)


def _is_near(position: int, changed: Collection[int], distance: int = NEIGHBOURS) -> bool:
    return any(near in changed for near in range(position - distance, position + distance + 1))


def _payload(member: Member) -> Payload:
    return Payload(
        user=member.user,
        project=member.project,
        kind=member.kind,
        tags=member.tags,
        role=member.role,
        conversation=member.conversation,
        at=member.at,
    )
