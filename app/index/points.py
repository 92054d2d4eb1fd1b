"""Makes the engine's points out of a session's members: which ones a change touches, and what they hold now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from uuid import UUID

from app.index.engine import Payload, Point
from app.memory.log import Member
from app.memory.ranking import NEIGHBOURS, session_vector, window_vector


def session_points(session: UUID, members: Sequence[Member], changed: Collection[int] | None) -> list[Point]:
    """Return the points of a session to write.

    members: its live memories in order of position, at least one.
    changed: positions that changed; the turns near them are re-weighed. None: all of them.
    The session's own vector stands on the point of its first memory, also when that memory is gone.
    """
    first, last = members[0].position, members[-1].position
    turns: list[Counter[int] | None] = [None] * (last - first + 1)
    for member in members:
        turns[member.position - first] = Counter(member.terms)
    whole = session_vector(turn for turn in turns if turn)
    points = []
    for member in members:
        is_first = member.id == session
        if is_first or changed is None or _is_near(member.position, changed):
            window = window_vector(turns, member.position - first)
            points.append(
                Point(id=member.id, payload=_payload(member), window=window, session=whole if is_first else None)
            )
    if all(member.id != session for member in members):
        points.append(Point(id=session, payload=_payload(members[0]), window=None, session=whole))
    return points


def _is_near(position: int, changed: Collection[int]) -> bool:
    return any(near in changed for near in range(position - NEIGHBOURS, position + NEIGHBOURS + 1))


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
