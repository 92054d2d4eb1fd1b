"""Sessions scored in the process: the same scores and the same filter as an engine's."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from hypothesis import given, settings
from hypothesis import strategies as st

from app.index.embedded.engine import EmbeddedEngine
from app.index.points import session_points
from app.index.qdrant.overlay import Overlay
from app.memory.bm25 import ASKED_STEPS
from app.memory.change_log import Member, Space
from app.memory.ports import CandidateQuery
from app.memory.types import Candidate, Filter, Kind
from app.memory.vectors import pack
from tests.support.points import NOON

TERMS = st.integers(1, 6)
SPACE = Space("model", 2)


def optional(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | values


members = st.lists(
    st.tuples(
        st.lists(TERMS, max_size=5),
        st.sampled_from(["", "p", "q"]),
        st.sampled_from(["note", "fact", "turn"]),
        st.lists(st.sampled_from(["x", "y"]), unique=True),
        optional(st.sampled_from(["user", "assistant"])),
        optional(st.just("talk")),
        st.integers(0, 3),
        optional(st.sampled_from([(1.0, 0.0), (0.0, 1.0), (0.6, 0.8)])),
        st.sampled_from(["alice", "bob"]),
        st.integers(0, 2),
    ),
    min_size=1,
    max_size=12,
)
filters = st.builds(
    Filter,
    projects=optional(st.lists(st.sampled_from(["", "p", "q"]), max_size=2).map(tuple)),
    kinds=optional(st.lists(st.sampled_from(list(Kind)), max_size=2).map(tuple)),
    tags=optional(st.lists(st.sampled_from(["x", "y"]), max_size=2, unique=True).map(tuple)),
    role=optional(st.sampled_from(["user", "assistant"])),
    conversation_id=optional(st.just("talk")),
    since=optional(st.integers(0, 3).map(lambda hours: NOON + timedelta(hours=hours))),
    until=optional(st.integers(0, 3).map(lambda hours: NOON + timedelta(hours=hours))),
)


def sessions_of(rows: Iterable[Any]) -> tuple[dict[UUID, list[Member]], dict[UUID, bytes]]:
    """Return members by session and their vectors: rows with the same last value are one session, of one user."""
    sessions: dict[UUID, list[Member]] = {}
    vectors: dict[UUID, bytes] = {}
    for terms, project, kind, tags, role, conversation, hours, dense, user, talk in rows:
        session = UUID(int=1_000 * (talk + 1) + (user == "bob") * 10_000)
        its = sessions.setdefault(session, [])
        id_ = UUID(int=session.int + len(its))
        at = NOON + timedelta(hours=hours)
        its.append(
            Member(session, len(its), id_, user, project, kind, tags, role, conversation, at, sorted(terms), False)
        )
        if dense is not None:
            vectors[id_] = pack(dense)
    return sessions, vectors


@settings(max_examples=30)
@given(
    rows=members,
    where=filters,
    weights=st.dictionaries(TERMS, st.integers(1, 160).map(lambda steps: steps / ASKED_STEPS), min_size=1, max_size=4),
    dense=optional(st.sampled_from([(1.0, 0.0), (0.6, 0.8)])),
)
async def test_an_overlay_finds_what_an_engine_finds(
    run_folder: Path,
    rows: list[tuple[list[int], str, str, list[str], Any, Any, int, Any, str, int]],
    where: Any,
    weights: dict[int, float],
    dense: Any,
) -> None:
    sessions, vectors = sessions_of(rows)
    overlay = Overlay([(session, session) for session in sessions], sessions, vectors)
    query = CandidateQuery(user="alice", weights=weights, where=where, limit=1_000, dense=dense)
    engine = await EmbeddedEngine.open(run_folder / f"overlay-{uuid4().hex}", uuid4(), SPACE)
    try:
        await engine.empty(SPACE)
        points = [p for its in sessions.values() for p in session_points(its, None, vectors)]
        await engine.apply(points, [])

        assert scores(overlay.candidates(query)) == scores(await engine.candidates(query))
    finally:
        await engine.close()


def scores(candidates: Iterable[Candidate]) -> dict[UUID, tuple[float, float | None]]:
    return {
        one.id: (round(one.window_score, 3), None if one.dense_score is None else round(one.dense_score, 2))
        for one in candidates
    }


def test_it_replaces_all_points_of_its_sessions_also_those_that_are_gone() -> None:
    session, gone = UUID(int=1), UUID(int=2)
    its = [Member(session, 2, UUID(int=3), "alice", "", "turn", [], None, None, NOON, [7], False)]

    overlay = Overlay([(session, gone), (UUID(int=9), UUID(int=9))], {session: its}, {})

    assert overlay.replaced == {session, gone, UUID(int=3), UUID(int=9)}
