"""Converts our points, conditions and searches to the types of Qdrant Edge."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

import qdrant_edge as edge

from app.index.engine import AT, DENSE, KEYWORDS, SESSION, WINDOW, Point
from app.index.filters import Among, AnyOf, Between, Condition, Is
from app.index.searches import VectorSearch
from app.memory.change_log import Space

# The payload's indexes, by field.
INDEXES = {**dict.fromkeys(KEYWORDS, edge.PayloadSchemaType.Keyword), AT: edge.PayloadSchemaType.Float}


def shard_config(space: Space | None) -> Any:
    """Return the configuration of a new shard. space: the vectors it has room for."""
    sparse = edge.EdgeSparseVectorParams
    return edge.EdgeConfig(
        vectors={} if space is None else {DENSE: dense_params(space)},
        sparse_vectors={WINDOW: sparse(), SESSION: sparse()},
        wal_enabled=False,  # the change log brings back what a crash loses since the last flush
    )


def dense_params(space: Space) -> Any:
    """Return how vectors are stored: unit vectors, whose dot product is the cosine, as 16-bit floats."""
    return edge.EdgeVectorParams(space.size, edge.Distance.Dot, datatype=edge.VectorStorageDatatype.Float16)


def edge_point(point: Point) -> Any:
    """Return a point with its vectors and payload."""
    vectors: dict[str, Any] = {}
    if point.window:
        vectors[WINDOW] = _sparse(point.window)
    if point.session:
        vectors[SESSION] = _sparse(point.session)
    if point.dense:
        from app.memory.vectors import unpack  # imports numpy, which a server without a model never loads

        vectors[DENSE] = unpack(point.dense)
    return edge.Point(point.id, vectors, point.payload.fields())


def query_request(search: VectorSearch) -> Any:
    """Return a search in the shard's form."""
    vector = search.vector
    return edge.QueryRequest(
        query=edge.Query.Nearest(_sparse(vector) if isinstance(vector, Mapping) else list(vector), using=search.using),
        filter=_filter(search.must, search.without),
        limit=search.limit,
    )


def _sparse(weights: Mapping[int, float]) -> Any:
    return edge.SparseVector(list(weights), list(weights.values()))


def _filter(must: Sequence[Condition], without: Collection[UUID]) -> Any:
    must_not = [_condition(Among(without))] if without else None
    return edge.Filter(must=[_condition(condition) for condition in must], must_not=must_not)


def _condition(condition: Condition) -> Any:
    match condition:
        case Is():
            return edge.FieldCondition(condition.field, match=edge.MatchValue(condition.value))
        case AnyOf():
            return edge.FieldCondition(condition.field, match=edge.MatchAny(list(condition.values)))
        case Between():
            within = edge.RangeFloat(gte=condition.since, lt=condition.until)
            return edge.FieldCondition(condition.field, range=within)
        case Among():
            return edge.HasIdCondition(set(condition.ids))
