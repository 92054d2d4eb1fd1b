"""The shape of a collection: kept in PostgreSQL, also by other versions; users are spread over its keys."""

from __future__ import annotations

from app.index.qdrant.shape import Shape
from app.memory.change_log import Space


def test_a_shape_comes_back_from_json_whatever_a_newer_version_has_added() -> None:
    shape = Shape(shards=3, on_disk=True).with_vectors(Space("model", 2))

    assert Shape.read({**shape.to_json(), "colour": "blue"}) == shape
    assert shape.space == Space("model", 2)


def test_a_shape_without_vectors_has_no_space() -> None:
    assert Shape().with_vectors(Space("model", 2)).with_vectors(None) == Shape()
    assert Shape().space is None


def test_a_user_is_always_under_the_same_key_and_users_are_spread() -> None:
    shape = Shape(shard_keys=3)
    keys = {user: shape.key_of(user) for user in map(str, range(50))}

    assert set(keys.values()) == set(shape.all_keys()) == {"users-0", "users-1", "users-2"}
    assert keys == {user: shape.key_of(user) for user in keys}
    assert Shape().key_of("alice") is None
