"""Makes the engine's points of a session: those that a change affects, with their present content."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING
from uuid import UUID

from app.index.engine import Payload, Point
from app.memory.bm25 import NEIGHBOURS, window_vector
from app.memory.change_log import Member

if TYPE_CHECKING:
    from app.memory.windows import Window

_TERMS_AT_ONCE = 5_000  # with their neighbours', arrays that fit in a processor's cache


def session_points(
    members: Sequence[Member],
    changed: Collection[int] | None,
    vectors: Mapping[UUID, bytes] | None = None,
    windows: Sequence[Window] | None = None,
) -> list[Point]:
    """Return the points of a session to write.

    members: its live memories in order of position, at least one.
    changed: positions that changed; the turns near them are written too. None: all of them.
    vectors: those of `vectors_needed`, packed (app/memory/vectors.py), all of one size.
    windows: of the members, if they were made already (`made_windows`).
    """
    wanted = [place for place, one in enumerate(members) if changed is None or _is_near(one.position, changed)]
    first = members[0].position
    slots = _slots(members) if windows is None or vectors else ()
    packed = [None if member is None else vectors.get(member.id) for member in slots] if vectors else None
    if windows is None:
        made = _windows(slots, [members[place].position - first for place in wanted])
    else:
        made = [(windows[place], windows[place].own) for place in wanted]
    return [
        Point(
            id=members[place].id,
            payload=_payload(members[place]),
            window=window,
            own=own,
            dense=_mixed(packed, members[place].position - first) if packed else None,
        )
        for place, (window, own) in zip(wanted, made, strict=True)
    ]


def _slots(members: Sequence[Member]) -> list[Member | None]:
    """Return the members by position; a deleted turn keeps its place."""
    slots: list[Member | None] = [None] * (members[-1].position - members[0].position + 1)
    for member in members:
        slots[member.position - members[0].position] = member
    return slots


def _windows(slots: Sequence[Member | None], places: Iterable[int]) -> list[tuple[Mapping[int, float], int]]:
    """Return the windows at some places, each with the number of its own terms."""
    turns = [None if member is None else Counter(member.terms) for member in slots]
    asks = [member is not None and member.asks for member in slots]
    return [(window_vector(turns, asks, place), len(turns[place] or ())) for place in places]


def made_windows(sessions: Iterable[Sequence[Member]]) -> Iterator[Sequence[Window]]:
    """Yield the windows of each session, made of arrays, which takes a quarter of the time. Imports numpy."""
    from app.memory.windows import windows

    sessions = list(sessions)
    turns = [member for members in sessions for member in members]
    slots, base = list[int](), 0
    for members in sessions:
        slots += [base + member.position - members[0].position for member in members]
        base = slots[-1] + NEIGHBOURS + 1
    terms = [one.terms for one in turns]
    ends = list(accumulate(map(len, terms)))
    made: list[Window] = []
    while (done := len(made)) < len(turns):
        first = max(0, done - NEIGHBOURS)
        last = max(done + 1, bisect_right(ends, ends[done] + _TERMS_AT_ONCE))
        part = slice(first, last + NEIGHBOURS)
        made += windows(terms[part], [one.asks for one in turns[part]], slots[part])[done - first : last - first]
    done = 0
    for members in sessions:
        yield made[done : done + len(members)]
        done += len(members)


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
