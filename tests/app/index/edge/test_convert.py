"""Our conditions and searches as Qdrant Edge takes them: nothing is lost on the way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import qdrant_edge as edge

from app.index.edge.convert import INDEXES, edge_point, query_request, shard_config
from app.index.engine import DENSE, WINDOW
from app.index.filters import Among, AnyOf, Between, Condition, Is
from app.index.searches import VectorSearch
from app.memory.change_log import Space
from app.memory.vectors import pack
from tests.support.points import NOON, point

ALL = {UUID(int=1), UUID(int=2)}
ONE, TWO = UUID(int=1), UUID(int=2)


@pytest.fixture
def shard(tmp_path: Path) -> Iterator[Any]:
    """A shard with two points: the first is in project p, by a user, the second in q, an hour later."""
    shard = edge.EdgeShard.create(str(tmp_path), shard_config(Space("model", 2)))
    for field, kind in INDEXES.items():
        shard.update(edge.UpdateOperation.create_field_index(field, kind))
    points = [
        point(1, window={7: 1.0}, dense=pack((1.0, 0.0)), project="p", tags=["x"], role="user"),
        point(2, window={7: 0.5}, dense=pack((0.0, 1.0)), project="q", tags=["x", "y"], at=NOON.replace(hour=13)),
    ]
    shard.update(edge.UpdateOperation.upsert_points([edge_point(one) for one in points]))
    yield shard
    shard.close()


def found(shard: Any, *must: Condition, without: tuple[UUID, ...] = ()) -> set[UUID]:
    search = VectorSearch(using=WINDOW, vector={7: 1.0}, must=list(must), limit=5, without=list(without))
    return {UUID(str(one.id)) for one in shard.query(query_request(search))}


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (Is("project", "p"), {ONE}),
        (Is("role", "user"), {ONE}),
        (Is("tags", "x"), ALL),
        (AnyOf("project", ["q", "r"]), {TWO}),
        (Between("at", NOON.timestamp() + 1, None), {TWO}),
        (Between("at", NOON.timestamp(), NOON.timestamp() + 1), {ONE}),
        (Among([TWO]), {TWO}),
    ],
)
def test_a_condition_finds_what_it_holds_for(shard: Any, condition: Condition, expected: set[UUID]) -> None:
    assert found(shard, condition) == expected


def test_all_conditions_must_hold_and_some_points_are_left_out(shard: Any) -> None:
    assert found(shard, Is("tags", "x"), Is("tags", "y")) == {TWO}
    assert found(shard, without=(ONE,)) == {TWO}


def test_scores_are_dot_products_of_words_and_of_vectors(shard: Any) -> None:
    words = VectorSearch(using=WINDOW, vector={7: 2.0}, must=[], limit=5)
    vector = VectorSearch(using=DENSE, vector=(0.0, 1.0), must=[], limit=5)

    assert [one.score for one in shard.query(query_request(words))] == [2.0, 1.0]
    assert [UUID(str(one.id)) for one in shard.query(query_request(vector))] == [TWO, ONE]
