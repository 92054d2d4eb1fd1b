"""Converts our points, conditions, searches and shapes to the types of qdrant-client."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from qdrant_client import models

from app.index.engine import Point
from app.index.qdrant.fields import AT, DENSE, KEYWORDS, TRAITS, WINDOW, fields_of
from app.index.qdrant.filters import Among, AnyOf, Between, Condition, Is
from app.index.qdrant.searches import VectorSearch
from app.index.qdrant.shape import Shape

_OVERSAMPLING = 2.0  # points rescored with whole vectors per result, if the vectors are quantized to bytes

# The payload's indexes, by field. Each user is a tenant, whose points are stored together.
INDEXES: dict[str, Any] = {
    **dict.fromkeys(KEYWORDS, models.PayloadSchemaType.KEYWORD),
    "user": models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, is_tenant=True),
    AT: models.PayloadSchemaType.FLOAT,
}


def collection_parameters(shape: Shape) -> dict[str, Any]:
    """Return the arguments that create a collection of this shape.

    The idf modifier is off, because it counts over one shard and all users (docs/architecture.md, "Ranking").
    """
    sparse = models.SparseVectorParams(index=models.SparseIndexParams(on_disk=shape.on_disk))
    dense = {}
    if shape.size is not None:
        dense[DENSE] = models.VectorParams(
            size=shape.size,
            distance=models.Distance.DOT,  # the cosine, for unit vectors
            datatype=models.Datatype.FLOAT16,
            on_disk=shape.on_disk,
        )
    sharding: dict[str, Any] = {"shard_number": shape.shards}
    if shape.shard_keys:
        sharding["sharding_method"] = models.ShardingMethod.CUSTOM
    return {
        "vectors_config": dense,
        "sparse_vectors_config": {WINDOW: sparse},
        "replication_factor": shape.replication_factor,
        "write_consistency_factor": shape.write_consistency_factor,
        "on_disk_payload": True,
        **sharding,
    }


def point_struct(point: Point) -> models.PointStruct:
    """Return a point with its vectors and payload."""
    vectors: dict[str, Any] = {}
    if point.window:
        vectors[WINDOW] = _sparse(point.window)
    if point.dense:
        from app.memory.vectors import unpack  # imports numpy, which a server without a model never loads

        vectors[DENSE] = unpack(point.dense)
    return models.PointStruct(id=str(point.id), vector=vectors, payload=fields_of(point.payload))


def query_request(search: VectorSearch, key: str | None) -> models.QueryRequest:
    """Return a search in the server's form. key: the shard key of the user's points."""
    vector = search.vector
    rescored = models.QuantizationSearchParams(rescore=True, oversampling=_OVERSAMPLING)
    return models.QueryRequest(
        query=_sparse(vector) if isinstance(vector, Mapping) else list(vector),
        using=search.using,
        filter=_filter(search.must, search.without),
        limit=search.limit,
        params=models.SearchParams(quantization=rescored) if search.using == DENSE else None,
        with_payload=list(TRAITS),
        shard_key=key,
    )


def _sparse(weights: Mapping[int, float]) -> models.SparseVector:
    return models.SparseVector(indices=list(weights), values=list(weights.values()))


def _filter(must: Sequence[Condition], without: Collection[UUID]) -> models.Filter:
    must_not = [_condition(Among(without))] if without else None
    return models.Filter(must=[_condition(condition) for condition in must], must_not=must_not)


def _condition(condition: Condition) -> models.Condition:
    match condition:
        case Is():
            return models.FieldCondition(key=condition.field, match=models.MatchValue(value=condition.value))
        case AnyOf():
            return models.FieldCondition(key=condition.field, match=models.MatchAny(any=list(condition.values)))
        case Between():
            within = models.Range(gte=condition.since, lt=condition.until)
            return models.FieldCondition(key=condition.field, range=within)
        case Among():
            return models.HasIdCondition(has_id=[str(id_) for id_ in condition.ids])
