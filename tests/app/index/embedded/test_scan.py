"""Searching parts: what is found, with which scores and counts, is what the points themselves say."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.index.embedded.partition import Parts, changed
from app.index.embedded.scan import candidates, corpus, work
from app.index.engine import Point
from app.index.qdrant.fields import fields_of
from app.index.qdrant.filters import conditions, passes
from app.memory.bm25 import ASKED_STEPS, STORED_STEPS
from app.memory.ports import CandidateQuery
from app.memory.types import Filter, Kind
from app.memory.vectors import pack
from tests.support.points import NOON, point

EAST, NORTH = (1.0, 0.0), (0.0, 1.0)
TERMS = st.integers(1, 6)


def many() -> st.SearchStrategy[list[Point]]:
    """Points of one user, each with its own number, in changing projects and so on."""
    fields: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
        {
            "project": st.sampled_from(["", "p", "q"]),
            "kind": st.sampled_from(["note", "fact", "turn"]),
            "tags": st.lists(st.sampled_from(["x", "y"]), unique=True),
            "role": st.sampled_from([None, "user"]),
            "conversation": st.sampled_from([None, "talk"]),
            "name": st.sampled_from([None, "Ann", "Ben"]),
            "at": st.integers(0, 3).map(lambda hours: NOON + timedelta(hours=hours)),
        }
    )
    windows = st.dictionaries(TERMS, st.integers(1, 2_000).map(lambda steps: steps / STORED_STEPS), max_size=5)
    one = st.tuples(windows, st.integers(0, 5), fields)
    return st.lists(one, max_size=10).map(
        lambda drawn: [
            Point(
                id=point(number + 1).id,
                payload=point(**more).payload,
                window=window,
                own=min(own, len(window)),
            )
            for number, (window, own, more) in enumerate(drawn)
        ]
    )


FILTERS = st.fixed_dictionaries(
    {},
    optional={
        "projects": st.sampled_from([(), ("p",), ("p", ""), ("nowhere",)]),
        "kinds": st.sampled_from([(), (Kind.NOTE,), (Kind.FACT, Kind.TURN)]),
        "tags": st.sampled_from([(), ("x",), ("x", "y")]),
        "role": st.sampled_from(["user", "nobody"]),
        "conversation_id": st.sampled_from(["talk", "none"]),
        "since": st.integers(0, 3).map(lambda hours: NOON + timedelta(hours=hours)),
        "until": st.integers(0, 3).map(lambda hours: NOON + timedelta(hours=hours)),
    },
)
QUESTIONS = st.dictionaries(TERMS, st.integers(1, 400).map(lambda steps: steps / ASKED_STEPS), max_size=4)


def in_parts(points: list[Point], cut: int) -> Parts:
    """Return points in two changes, the first with some that are replaced or deleted by the second."""
    first = [*points[:cut], *(point(one.id.int, window={1: 9.0}, name="Cleo") for one in points[cut:]), point(99)]
    return changed(changed((), first, []), points[cut:], [point(99).id], saving=1)


def query(weights: dict[int, float], limit: int = 100, **more: Any) -> CandidateQuery:
    dense = more.pop("dense", None)
    return CandidateQuery(user="alice", weights=weights, where=Filter(**more), limit=limit, dense=dense)


@given(many(), st.integers(0, 10), QUESTIONS, FILTERS)
def test_scores_are_dot_products_of_what_passes_the_filter(
    points: list[Point], cut: int, question: dict[int, float], where: dict[str, Any]
) -> None:
    parts = in_parts(points, cut)
    must = conditions("alice", Filter(**where))

    found = {one.id: one for one in candidates(parts, query(question, **where))}

    wanted = {}
    for one in points:
        score = sum(question.get(term, 0.0) * weight for term, weight in one.window.items())
        if score and passes(fields_of(one.payload), must):
            wanted[one.id] = score
    assert {id_: one.window_score for id_, one in found.items()} == wanted
    assert all(found[one.id].traits == one.payload.traits(one.id) for one in points if one.id in found)


@given(many(), st.integers(0, 10), st.sampled_from([None, (), ("p",), ("p", "q")]))
def test_counts_are_those_of_the_memories_themselves_in_the_projects(
    points: list[Point], cut: int, projects: tuple[str, ...] | None
) -> None:
    inside = [one for one in points if projects is None or one.payload.project in projects]

    counted = corpus(in_parts(points, cut), projects, range(1, 7))

    assert counted.memories == len(inside)
    assert counted.holding == {term: sum(term in list(one.window)[: one.own] for one in inside) for term in range(1, 7)}
    assert counted.speakers == tuple(sorted({one.payload.name for one in inside if one.payload.name is not None}))


def test_the_best_come_first_and_no_more_than_asked_for() -> None:
    parts = changed((), [point(number, window={7: float(number)}) for number in range(1, 6)], [])
    parts = changed(parts, [point(number, window={7: float(number)}) for number in range(6, 10)], [], saving=1)

    assert [one.id.int for one in candidates(parts, query({7: 1.0}, limit=3))] == [9, 8, 7]


class TestVectors:
    PARTS = changed(
        (),
        [
            point(1, window={7: 3.0}, dense=pack(NORTH)),
            point(2, window={7: 1.0}, dense=pack(EAST)),
            point(3, window={8: 1.0}, dense=pack((0.6, 0.8))),
            point(4, window={7: 2.0}),
        ],
        [],
        model="m",
    )

    def scores(self, limit: int = 10, model: str = "m", **more: Any) -> dict[int, tuple[float, float | None]]:
        found = candidates(self.PARTS, query(more.pop("weights", {7: 1.0}), limit, dense=EAST, **more), model)
        return {
            one.id.int: (one.window_score, None if one.dense_score is None else round(one.dense_score, 3))
            for one in found
        }

    def test_a_candidate_has_both_scores_whichever_search_found_it(self) -> None:
        assert self.scores(limit=1) == {1: (3.0, 0.0), 2: (1.0, 1.0)}
        assert self.scores() == {1: (3.0, 0.0), 2: (1.0, 1.0), 3: (0.0, 0.6), 4: (2.0, None)}

    def test_vectors_of_another_model_say_nothing(self) -> None:
        assert self.scores(model="another") == {1: (3.0, None), 2: (1.0, None), 4: (2.0, None)}

    def test_without_a_known_word_the_vectors_find(self) -> None:
        assert self.scores(weights={}) == {1: (0.0, 0.0), 2: (0.0, 1.0), 3: (0.0, 0.6)}


@pytest.mark.parametrize(("terms", "looked_at"), [([], 3), ([7], 6), ([7, 8, 9], 7)])
def test_the_work_of_a_search_is_its_rows_and_postings(terms: list[int], looked_at: int) -> None:
    parts = changed((), [point(1, window={7: 1.0}), point(2, window={7: 1.0, 8: 1.0}), point(3, window={7: 1.0})], [])

    assert work(parts, terms) == looked_at
