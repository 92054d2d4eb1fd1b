"""Our conditions and searches as Qdrant's own models: nothing is lost on the way."""

from __future__ import annotations

from uuid import UUID

import pytest
from qdrant_client import models

from app.index.qdrant.convert import collection_parameters, point_struct, query_request
from app.index.qdrant.fields import DENSE, WINDOW
from app.index.qdrant.filters import Among, AnyOf, Between, Condition, Is
from app.index.qdrant.searches import VectorSearch
from app.index.qdrant.shape import Shape
from app.memory.change_log import Space
from app.memory.vectors import pack
from tests.support.points import NOON, point

ID = UUID(int=1)


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        (Is("role", "user"), {"key": "role", "match": {"value": "user"}}),
        (AnyOf("kind", ["note", "fact"]), {"key": "kind", "match": {"any": ["note", "fact"]}}),
        (Between("at", 1.0, None), {"key": "at", "range": {"gte": 1.0}}),
        (Between("at", 1.0, 2.0), {"key": "at", "range": {"gte": 1.0, "lt": 2.0}}),
        (Among([ID]), {"has_id": [str(ID)]}),
    ],
)
def test_a_condition_is_said_as_qdrant_says_it(condition: Condition, said: dict[str, object]) -> None:
    search = VectorSearch(using=WINDOW, vector={7: 1.0}, must=[condition], limit=5, without=[ID])
    request = query_request(search, "users-1").model_dump(exclude_none=True)

    assert request["filter"] == {"must": [said], "must_not": [{"has_id": [str(ID)]}]}
    assert (request["using"], request["limit"], request["shard_key"]) == ("window", 5, "users-1")
    assert request["query"] == {"indices": [7], "values": [1.0]}


def test_only_searches_by_vector_look_again_at_whole_vectors() -> None:
    words = query_request(VectorSearch(using=WINDOW, vector={7: 1.0}, must=[], limit=5), None)
    vector = query_request(VectorSearch(using=DENSE, vector=(1.0, 0.0), must=[], limit=5), None)

    assert words.params is None
    assert vector.params is not None
    assert vector.params.quantization is not None
    assert (vector.query, vector.params.quantization.rescore) == ([1.0, 0.0], True)


def test_a_point_has_the_vectors_it_has_and_all_of_its_payload() -> None:
    struct = point_struct(point(1, window={7: 1.0}, dense=pack((1.0, 0.0)), project="p", tags=["x"]))

    assert struct.vector == {WINDOW: models.SparseVector(indices=[7], values=[1.0]), DENSE: [1.0, 0.0]}
    assert struct.payload == {
        "user": "alice",
        "project": "p",
        "kind": "note",
        "tags": ["x"],
        "role": None,
        "conversation": None,
        "at": NOON.timestamp(),
        "name": None,
        "asks": False,
        "tells_time": False,
        "tells_number": False,
        "first_person": 0,
        "offset": None,
    }


def test_a_collection_has_room_for_vectors_only_where_its_shape_says_so() -> None:
    with_vectors = collection_parameters(Shape(shard_keys=2).with_vectors(Space("model", 2)))

    assert collection_parameters(Shape())["vectors_config"] == {}
    assert with_vectors["vectors_config"][DENSE].size == 2
    assert with_vectors["sharding_method"] is models.ShardingMethod.CUSTOM
