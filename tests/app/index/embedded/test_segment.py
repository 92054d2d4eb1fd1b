"""Segments: what they were built of is found in them again, however often they were merged."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.index.embedded import segment as module
from app.index.embedded.segment import Segment, build, merged, nothing_dead
from app.index.engine import Point
from app.memory.bm25 import STORED_STEPS
from app.memory.vectors import pack
from app.memory.windows import OWN, windows
from tests.support.points import point

MOMENT = datetime(2026, 5, 8, 12, 30, 15, 123_457, tzinfo=UTC)


def points(numbers: st.SearchStrategy[int]) -> st.SearchStrategy[list[Point]]:
    """Points with all kinds of traits, words and vectors; several may have one id."""
    weights = st.integers(1, 3_000).map(lambda steps: steps / STORED_STEPS)
    one = st.builds(
        lambda number, window, own, dense, more: Point(
            id=UUID(int=number << 120 | number),
            payload=point(user="alice", **more).payload,
            window=window,
            own=min(own, len(window)),
            dense=pack(dense) if dense else None,
        ),
        numbers,
        st.dictionaries(st.integers(1, 40), weights, max_size=8),
        st.integers(0, 8),
        st.sampled_from([None, (0.6, 0.8), (1.0, 0.0)]),
        st.fixed_dictionaries(
            {
                "project": st.sampled_from(["", "p"]),
                "tags": st.lists(st.sampled_from(["x", "y", "z"]), max_size=3),
                "role": st.sampled_from([None, "user", "Assistant"]),
                "name": st.sampled_from([None, "Ann", "Ben", "李"]),
                "at": st.integers(-(10**15), 10**15).map(lambda us: MOMENT + timedelta(microseconds=us)),
                "asks": st.booleans(),
                "tells_time": st.booleans(),
                "tells_number": st.booleans(),
                "first_person": st.integers(0, 3),
                "offset": st.sampled_from([None, 0, -480, 330]),
            }
        ),
    )
    return st.lists(one, max_size=12)


def content(segment: Segment) -> dict[UUID, object]:
    """Return all that a segment says of each row, by id."""
    rows = np.arange(segment.size)
    words: dict[int, dict[int, tuple[float, bool]]] = {row: {} for row in rows.tolist()}
    for term in segment.terms.tolist():
        for row, weight in zip(*(column.tolist() for column in segment.of_term(term)), strict=True):
            words[row][term] = ((weight & (OWN - 1)) / STORED_STEPS, weight >= OWN)
    tags = {tag: segment.with_tag(tag) for tag in "xyz"}
    return {
        traits.id: (
            traits,
            words[row],
            [tag for tag, has in tags.items() if has[row]],
            int(segment.project[row]),
            segment.vectors[row].tolist() if segment.has_vector[row] else None,
        )
        for row, traits in enumerate(segment.traits(rows))
    }


def expected(given: list[Point]) -> dict[UUID, object]:
    """Return the same of points, of which the last with an id counts."""
    return {
        one.id: (
            one.payload.traits(one.id),
            {term: (weight, place < one.own) for place, (term, weight) in enumerate(one.window.items())},
            sorted(set(one.payload.tags)),
            module.number(one.payload.project),
            None if one.dense is None else np.frombuffer(one.dense, "<f2").tolist(),
        )
        for one in given
    }


@given(points(st.integers(0, 20)))
def test_a_segment_holds_what_it_was_built_of(given: list[Point]) -> None:
    assert content(build(given, "m")) == expected(given)


@given(points(st.integers(0, 9)), points(st.integers(10, 19)), points(st.integers(20, 29)), st.sets(st.integers(0, 29)))
def test_a_merged_segment_holds_what_is_still_there(
    first: list[Point], second: list[Point], third: list[Point], deleted: set[int]
) -> None:
    gone = {UUID(int=number << 120 | number) for number in deleted}
    parts = []
    for some in (first, second, third):
        segment = build(some, "m")
        alive = nothing_dead(segment)
        alive[segment.find(gone)] = False
        parts.append((segment, alive))

    whole = merged(parts, "m")

    kept = [one for one in (*first, *second, *third) if one.id not in gone]
    assert content(whole) == expected(kept)
    assert whole.terms.tolist() == sorted({term for one in expected(kept).values() for term in one[1]})  # type: ignore[index]


@given(st.lists(st.lists(st.integers(1, 30), max_size=6), max_size=5), st.booleans())
def test_windows_made_of_arrays_give_the_same_segment(terms: list[list[int]], mixed: bool) -> None:
    made = windows(terms, [False] * len(terms), range(len(terms))) if terms else []
    as_arrays, as_dicts = (
        [
            Point(id=UUID(int=number), payload=point().payload, window=window if keep else dict(window), own=window.own)
            for number, (window, keep) in enumerate(zip(made, keeps, strict=True))
        ]
        for keeps in ([not (mixed and number % 2) for number in range(len(made))], [False] * len(made))
    )

    assert content(build(as_arrays)) == content(build(as_dicts))


@given(st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 2**20), st.integers(0, 2**16 - 1)), max_size=20))
def test_postings_are_ordered_by_term_whether_or_not_they_fit_in_64_bits(given: list[tuple[int, int, int]]) -> None:
    terms, rows, weights = (
        np.array([one[place] for one in given], kind) for place, kind in enumerate(("u4", "u4", "u2"))
    )

    ordered = module._by_term(terms, rows, weights)

    assert [column.dtype.str for column in ordered] == ["<u4", "<u4", "<u2"]
    assert ordered[0].tolist() == sorted(terms.tolist())
    assert sorted(zip(*(column.tolist() for column in ordered), strict=True)) == sorted(given)


def test_merging_goes_by_ranges_of_terms_and_leaves_none_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_POSTINGS_AT_ONCE", 7)
    given = [point(number, window=dict.fromkeys(range(1, number + 2), 1.0)) for number in range(1, 30)]
    parts = [(segment, nothing_dead(segment)) for segment in (build(given[:10]), build(given[10:]))]

    assert content(merged(parts)) == expected(given)


def test_vectors_of_another_model_are_left_out_when_merging() -> None:
    old = build([point(1, dense=pack((1.0, 0.0)))], "old")
    new = build([point(2, dense=pack((0.0, 1.0)))], "new")

    whole = merged([(old, nothing_dead(old)), (new, nothing_dead(new))], "new")

    assert whole.has_vector.tolist() == [0, 1]
    assert whole.vectors.tolist() == [[0.0, 0.0], [0.0, 1.0]]


def test_ids_are_found_by_all_their_bytes() -> None:
    ids = [UUID(int=1), UUID(int=1 << 8), UUID(int=1 << 120), UUID(int=0), UUID(int=(1 << 128) - 1)]
    segment = build([Point(id=id_, payload=point().payload, window={}) for id_ in ids])

    for id_ in ids:
        [row] = segment.find([id_]).tolist()
        assert segment.id(row) == id_
    assert segment.find([UUID(int=2), UUID(int=1 << 16)]).tolist() == []


def test_nothing_is_found_in_an_empty_segment() -> None:
    empty = build([])

    assert (empty.size, empty.postings) == (0, 0)
    assert empty.find([UUID(int=1)]).tolist() == []
    assert empty.of_term(7)[0].tolist() == []
    assert empty.speakers(None) == set()
