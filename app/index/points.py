"""Makes the engine's points of a session: those that a change affects, with their present content."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from app.index.engine import Payload, Point
from app.memory.bm25 import NEIGHBOURS, window_vector
from app.memory.change_log import Member


def session_points(
    members: Sequence[Member],
    changed: Collection[int] | None,
    vectors: Mapping[UUID, bytes] | None = None,
) -> list[Point]:
    """Return the points of a session to write.

    members: its live memories in order of position, at least one.
    changed: positions that changed; the turns near them are written too. None: all of them.
    vectors: those of `vectors_needed`, packed (app/memory/vectors.py), all of one size.
    """
    first = members[0].position
    slots: list[Member | None] = [None] * (members[-1].position - first + 1)  # a deleted turn keeps its place
    for member in members:
        slots[member.position - first] = member
    turns = [None if member is None else Counter(member.terms) for member in slots]
    asks = [member is not None and member.asks for member in slots]
    packed = [None if member is None else vectors.get(member.id) for member in slots] if vectors else None
    points = []
    for member in members:
        if changed is None or _is_near(member.position, changed):
            at = member.position - first
            points.append(
                Point(
                    id=member.id,
                    payload=_payload(member),
                    window=window_vector(turns, asks, at),
                    own=len(turns[at] or ()),
                    dense=_mixed(packed, at) if packed else None,
                )
            )
    return points


def vectors_needed(members: Sequence[Member], changed: Collection[int] | None) -> list[UUID]:
    """Return the memories whose vectors `session_points` needs.

    Turns near a change are mixed with their own neighbours.
    """
    if changed is None:
        return [member.id for member in members]
    return [member.id for member in members if _is_near(member.position, changed, 2 * NEIGHBOURS)]


def of_size(vectors: Mapping[UUID, bytes], size: int) -> dict[UUID, bytes]:
    """Return the vectors of one size: the engine accepts one, but a service may return others under the same name."""
    from app.memory.vectors import size_of

    return {id_: vector for id_, vector in vectors.items() if size_of(vector) == size}


def _mixed(packed: Sequence[bytes | None], at: int) -> bytes | None:
    from app.memory.vectors import mixed  # imports numpy, which a server without a model never loads

    return mixed(packed, at)


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
        name=member.name,
        asks=member.asks,
        tells_time=member.tells_time,
        tells_number=member.tells_number,
        first_person=member.first_person,
        offset=member.offset,
    )
