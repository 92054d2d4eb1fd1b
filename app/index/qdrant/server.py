"""A Qdrant server: its collections, and one of them as an engine. Over REST, through qdrant-client.

Every call has a time limit; those that may be made twice are tried again. What the server says comes out as one of
two errors: IndexUnavailable when a collection is lost (it has to be filled anew), EngineAway for all else.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
import struct
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Self, TypeAlias, TypeVar
from uuid import UUID

import httpx
from pydantic import SecretStr
from qdrant_client import AsyncQdrantClient, models
from qdrant_client.common.client_exceptions import ResourceExhaustedResponse
from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

from app.errors import IndexUnavailable, InvalidSettings
from app.index.engine import EngineAway, Point
from app.memory.analysis import ANALYSIS_VERSION
from app.memory.change_log import Space
from app.memory.ports import CandidateQuery
from app.memory.ranking import VECTORS_VERSION
from app.memory.types import Candidate, Filter
from app.settings.fields import Settings

FORMAT = 1  # of points and payloads

SEARCH_LIMIT_S = 1.0  # a search that waits longer is answered without the index
WRITE_LIMIT_S = 60.0
ADMIN_LIMIT_S = 120.0  # making a collection takes 10 s while a node of a cluster is dead
_SEARCH_TRIES = 2  # a kept connection may be one the server has closed since
_BACKOFF_S = 0.1
_CONNECTIONS = 32
_OVERSAMPLING = 2.0  # points looked at with whole vectors for each one wanted, where bytes stand for them

_FLOAT32 = struct.Struct("<f")

_WINDOW, _SESSION, _DENSE = "window", "session", "dense"
_KEYWORDS = ("project", "kind", "tags", "role", "conversation")

T = TypeVar("T")
MaySend: TypeAlias = Callable[[], Awaitable[bool]]
Call: TypeAlias = Callable[[AsyncQdrantClient], Awaitable[T]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What a collection is created with; a collection of another shape is replaced by a new one.

    model, size: whose vectors it holds beside the words, and how many numbers each has; None: it has none.
    shard_keys: how many keys the users are spread over. shards: of the collection, or of each key.
    format, vectors, analysis: versions of what its points are made of.
    """

    model: str | None = None
    size: int | None = None
    shards: int = 1
    shard_keys: int = 0
    replication_factor: int = 1
    write_consistency_factor: int = 1
    on_disk: bool = False
    format: int = FORMAT
    vectors: int = VECTORS_VERSION
    analysis: int = ANALYSIS_VERSION

    @property
    def space(self) -> Space | None:
        """The vectors it holds."""
        return None if self.model is None or self.size is None else Space(self.model, self.size)

    def with_vectors(self, space: Space | None) -> Shape:
        """Return this shape with other vectors, or without any."""
        model, size = (None, None) if space is None else (space.model, space.size)
        return replace(self, model=model, size=size)

    def to_json(self) -> dict[str, Any]:
        """Return it as PostgreSQL keeps it."""
        return asdict(self)

    @classmethod
    def read(cls, kept: Mapping[str, Any]) -> Self:
        """Return what PostgreSQL kept; a newer version may have kept more."""
        return cls(**{field.name: kept[field.name] for field in fields(cls) if field.name in kept})

    def key_of(self, user: str) -> str | None:
        """Return the shard key that a user's points are under; None without shard keys."""
        if not self.shard_keys:
            return None
        return f"users-{int.from_bytes(hashlib.sha256(user.encode()).digest()[:8]) % self.shard_keys}"

    def all_keys(self) -> list[int | str]:
        """Return all shard keys."""
        return [f"users-{number}" for number in range(self.shard_keys)]


class QdrantServer:
    """The server, or a cluster of which one node is asked: makes, names and deletes collections."""

    def __init__(self, urls: Sequence[str], key: SecretStr | None, tries: int, may_send: MaySend | None = None) -> None:
        """urls: of a cluster's nodes, at least one; tries: how often a call is made that may be made twice.

        may_send: asked right before each request that could change something; None for who changes nothing.
        """
        self._nodes = [
            AsyncQdrantClient(
                url=url,
                # as a header: the client's own argument for it warns on stderr when there is no TLS
                headers={"api-key": key.get_secret_value()} if key is not None else None,
                timeout=int(WRITE_LIMIT_S),
                check_compatibility=False,
                limits=httpx.Limits(max_connections=_CONNECTIONS, max_keepalive_connections=_CONNECTIONS),
                event_hooks={"request": [_asking(may_send)]} if may_send is not None else {},
            )
            for url in urls
        ]
        self._asked = 0
        self.tries = max(1, tries)

    @classmethod
    def of(cls, settings: Settings, may_send: MaySend | None = None) -> Self:
        """Return the server that the settings name."""
        assert settings.qdrant_url is not None
        return cls(settings.qdrant_url.split(","), settings.qdrant_api_key, settings.max_retry_attempts, may_send)

    async def close(self) -> None:
        """Close all connections."""
        for node in self._nodes:
            await node.close()

    async def version(self) -> str:
        """Return the server's version."""
        return str((await self.call(lambda qdrant: qdrant.info(), SEARCH_LIMIT_S)).version)

    async def create(self, name: str, shape: Shape) -> None:
        """Make an empty collection with its indexes. Raises EngineAway, also for what this server cannot do."""
        if shape.shard_keys and not await self._is_cluster():
            raise EngineAway(
                "QDRANT_SHARD_KEYS is set, but the Qdrant server is a single node without cluster mode; "
                "unset it, or start Qdrant with QDRANT__CLUSTER__ENABLED=true"
            )
        await self.call(lambda qdrant: qdrant.create_collection(name, **_parameters(shape)), ADMIN_LIMIT_S)
        for key in shape.all_keys():
            await self._create_key(name, key, shape)
        for field, kind in _INDEXES.items():
            await self.call(
                lambda qdrant, field=field, kind=kind: qdrant.create_payload_index(name, field, kind),  # type: ignore[misc]
                ADMIN_LIMIT_S,
                self.tries,
            )

    async def _create_key(self, name: str, key: int | str, shape: Shape) -> None:
        """Make a shard key; while a node is dead, its copies come later and the server says that it timed out."""
        try:
            await self.call(
                lambda qdrant: qdrant.create_shard_key(
                    name, key, shards_number=shape.shards, replication_factor=shape.replication_factor
                ),
                ADMIN_LIMIT_S,
            )
        except EngineAway:
            state = await self.call(lambda qdrant: qdrant.collection_cluster_info(name), SEARCH_LIMIT_S, self.tries)
            copies: list[Any] = [*state.local_shards, *state.remote_shards]
            usable = {
                copy.shard_id for copy in copies if copy.shard_key == key and copy.state == models.ReplicaState.ACTIVE
            }
            if len(usable) < shape.shards:
                raise

    async def _is_cluster(self) -> bool:
        status = await self.call(lambda qdrant: qdrant.cluster_status(), SEARCH_LIMIT_S, self.tries)
        return status.status == "enabled"

    async def delete(self, name: str) -> None:
        """Delete a collection; one that is not there is no error."""
        await self.call(lambda qdrant: qdrant.delete_collection(name), ADMIN_LIMIT_S, self.tries)

    async def alias(self, alias: str, name: str) -> None:
        """Let an alias mean a collection, in one step, unless it does already."""
        found = await self.call(lambda qdrant: qdrant.get_aliases(), SEARCH_LIMIT_S, self.tries)
        means = next((one.collection_name for one in found.aliases if one.alias_name == alias), None)
        if means == name:
            return
        actions: list[Any] = [
            models.CreateAliasOperation(create_alias=models.CreateAlias(collection_name=name, alias_name=alias))
        ]
        if means is not None:
            actions.insert(0, models.DeleteAliasOperation(delete_alias=models.DeleteAlias(alias_name=alias)))
        await self.call(lambda qdrant: qdrant.update_collection_aliases(actions), ADMIN_LIMIT_S, self.tries)

    async def quantize(self, name: str) -> None:
        """Hold the dense vectors of a collection as bytes in memory, unless it does already."""
        info = await self.call(lambda qdrant: qdrant.get_collection(name), SEARCH_LIMIT_S, self.tries)
        if info.config.quantization_config is None:
            scalar = models.ScalarQuantizationConfig(type=models.ScalarType.INT8, always_ram=True)
            config = models.ScalarQuantization(scalar=scalar)
            await self.call(
                lambda qdrant: qdrant.update_collection(name, quantization_config=config), ADMIN_LIMIT_S, self.tries
            )

    async def call(self, make: Call[T], limit_s: float, tries: int = 1) -> T:
        """Make a call, with `limit_s` for all tries together; after one that failed, another node is asked.

        Raises IndexUnavailable when the collection is not there, EngineAway when it fails otherwise.
        """
        failed, node = 0, self._asked
        try:
            async with asyncio.timeout(limit_s):
                while True:
                    node = self._asked
                    try:
                        return await _once(make, self._nodes[node])
                    except _Passing:
                        self._leave(node)
                        failed += 1
                        if failed == tries:
                            raise
                    await asyncio.sleep(_BACKOFF_S * (0.5 + random.random()) * 2 ** (failed - 1))  # noqa: S311
        except TimeoutError:
            self._leave(node)
            raise EngineAway(f"Qdrant did not answer within {limit_s:.0f} s") from None

    def _leave(self, node: int) -> None:
        """Ask the next node from now on, unless another call has seen to that."""
        if self._asked == node:
            self._asked = (node + 1) % len(self._nodes)


def _asking(may_send: MaySend) -> Callable[[httpx.Request], Awaitable[None]]:
    """Return a hook of httpx: it runs when the whole request is made, and only its bytes are to be sent."""

    async def ask(request: httpx.Request) -> None:
        if request.method != "GET" and not await may_send():
            raise EngineAway("another process may be feeding by now; nothing was written")

    return ask


async def _once(make: Call[T], node: AsyncQdrantClient) -> T:
    try:
        return await make(node)
    except ResourceExhaustedResponse as error:
        raise _Passing("Qdrant has too much to do now (429)") from error
    except ResponseHandlingException as error:
        if isinstance(error.source, EngineAway):  # our hook's
            raise error.source from None
        raise _Passing(f"Qdrant does not answer ({type(error.source).__name__})") from error
    except UnexpectedResponse as error:
        status = error.status_code or httpx.codes.BAD_GATEWAY
        if status == httpx.codes.NOT_FOUND:
            raise IndexUnavailable(f"Qdrant: {_told(error)}") from error
        if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            raise EngineAway(f"Qdrant refuses the key ({status}); check QDRANT_API_KEY") from error
        passing = status >= httpx.codes.INTERNAL_SERVER_ERROR or status == httpx.codes.TOO_MANY_REQUESTS
        raise (_Passing if passing else EngineAway)(f"Qdrant answered {status}: {_told(error)}") from error


class _Passing(EngineAway):
    """What may be over at the next try."""


class QdrantCollection:
    """One collection, asked and written to."""

    def __init__(self, server: QdrantServer, name: str, shape: Shape) -> None:
        self.server, self.name, self.shape = server, name, shape

    async def apply(self, upserts: Sequence[Point], deletes: Sequence[UUID]) -> None:
        """Write points and take points away; returns when searches see it."""
        by_key: dict[str | None, list[models.PointStruct]] = {}
        for point in upserts:
            by_key.setdefault(self.shape.key_of(point.payload.user), []).append(_to_struct(point))
        for key, points in by_key.items():
            await self._write(
                lambda qdrant, key=key, points=points: qdrant.upsert(  # type: ignore[misc]
                    self.name, points, wait=True, shard_key_selector=key
                )
            )
        if deletes:
            gone = models.PointIdsList(points=[str(id_) for id_ in deletes])
            keys = self.shape.all_keys() or None  # nobody knows whose they were
            await self._write(lambda qdrant: qdrant.delete(self.name, gone, wait=True, shard_key_selector=keys))

    async def _write(self, make: Call[Any]) -> None:
        await self.server.call(make, WRITE_LIMIT_S, self.server.tries)

    async def candidates(self, query: CandidateQuery, without: Collection[UUID] = ()) -> list[Candidate]:
        """Return the points with the best window scores and, where the query has a vector, the nearest to it.

        without: points that are left out.
        """
        where, weights, dense = query.where, query.weights, query.dense
        if where.projects == () or where.kinds == ():
            return []
        only = models.Filter(must=_conditions(query.user, where), must_not=[_among(without)] if without else None)
        asked = [_sparse_query(_WINDOW, weights, only, query.limit)] if weights else []
        if dense is not None:
            asked.append(_dense_query(dense, only, query.limit))
        found = await self._nearest(query.user, asked)
        windows = found[0] if weights else {}
        if dense is None:
            return [Candidate(id=id_, window_score=score) for id_, score in windows.items()]
        nearest = found[-1]
        # The scores that the other search did not tell: a candidate has both, whichever found it.
        far, wordless = windows.keys() - nearest.keys(), nearest.keys() - windows.keys()
        asked = [_dense_query(dense, models.Filter(must=[_among(far)]), len(far))] if far else []
        if weights and wordless:
            asked.append(_sparse_query(_WINDOW, weights, models.Filter(must=[_among(wordless)]), len(wordless)))
        more = await self._nearest(query.user, asked)
        nearest.update(more[0] if far else {})
        windows.update(more[-1] if weights and wordless else {})
        return [Candidate(id_, windows.get(id_, 0.0), nearest.get(id_)) for id_ in windows.keys() | nearest.keys()]

    async def session_scores(self, user: str, weights: dict[int, float], sessions: Sequence[UUID]) -> dict[UUID, float]:
        """Return the score of each session that has one of the terms."""
        only = models.Filter(must=[_is("user", user), _among(sessions)])
        [found] = await self._nearest(user, [_sparse_query(_SESSION, weights, only, len(sessions))])
        return found

    async def _nearest(self, user: str, queries: Sequence[models.QueryRequest]) -> list[dict[UUID, float]]:
        """Return the scores of what each query finds, best first; all in one call."""
        if not queries:
            return []
        key = self.shape.key_of(user)
        requests = [query.model_copy(update={"shard_key": key}) for query in queries]
        answers = await self.server.call(
            lambda qdrant: qdrant.query_batch_points(self.name, requests), SEARCH_LIMIT_S, _SEARCH_TRIES
        )
        return [{UUID(str(point.id)): _as_float32(point.score) for point in answer.points} for answer in answers]

    async def count(self, limit_s: float = WRITE_LIMIT_S) -> int:
        """Return how many points there are."""
        answer = await self.server.call(lambda qdrant: qdrant.count(self.name, exact=True), limit_s, _SEARCH_TRIES)
        return int(answer.count)


_INDEXES: dict[str, Any] = {
    "user": models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, is_tenant=True),
    **dict.fromkeys(_KEYWORDS, models.PayloadSchemaType.KEYWORD),
    "at": models.PayloadSchemaType.FLOAT,
}


def shape_of(settings: Settings) -> Shape:
    """Return what collections are to be created with. Raises InvalidSettings."""
    if settings.qdrant_write_consistency_factor > settings.qdrant_replication_factor:
        raise InvalidSettings(
            f"QDRANT_WRITE_CONSISTENCY_FACTOR: got {settings.qdrant_write_consistency_factor}, but there are only "
            f"QDRANT_REPLICATION_FACTOR={settings.qdrant_replication_factor} copies to write to"
        )
    return Shape(
        shards=settings.qdrant_shards,
        shard_keys=settings.qdrant_shard_keys,
        replication_factor=settings.qdrant_replication_factor,
        write_consistency_factor=settings.qdrant_write_consistency_factor,
        on_disk=settings.qdrant_on_disk,
    )


def _parameters(shape: Shape) -> dict[str, Any]:
    """Return the arguments a collection of this shape is created with.

    The idf modifier is off: it counts over one shard and all users (docs/architecture.md, "Ranking").
    """
    sparse = models.SparseVectorParams(index=models.SparseIndexParams(on_disk=shape.on_disk))
    dense = {}
    if shape.size is not None:
        dense[_DENSE] = models.VectorParams(
            size=shape.size,
            distance=models.Distance.DOT,  # of unit vectors: the cosine
            datatype=models.Datatype.FLOAT16,
            on_disk=shape.on_disk,
        )
    sharding: dict[str, Any] = {"shard_number": shape.shards}
    if shape.shard_keys:
        sharding["sharding_method"] = models.ShardingMethod.CUSTOM
    return {
        "vectors_config": dense,
        "sparse_vectors_config": {_WINDOW: sparse, _SESSION: sparse},
        "replication_factor": shape.replication_factor,
        "write_consistency_factor": shape.write_consistency_factor,
        "on_disk_payload": True,
        **sharding,
    }


def _sparse_query(name: str, weights: Mapping[int, float], only: models.Filter, limit: int) -> models.QueryRequest:
    sparse = models.SparseVector(indices=list(weights), values=list(weights.values()))
    return models.QueryRequest(query=sparse, using=name, filter=only, limit=limit)


def _dense_query(vector: Sequence[float], only: models.Filter, limit: int) -> models.QueryRequest:
    rescored = models.QuantizationSearchParams(rescore=True, oversampling=_OVERSAMPLING)
    return models.QueryRequest(
        query=list(vector),
        using=_DENSE,
        filter=only,
        limit=limit,
        params=models.SearchParams(quantization=rescored),
    )


def _to_struct(point: Point) -> models.PointStruct:
    vectors: dict[str, Any] = {}
    for name, vector in ((_WINDOW, point.window), (_SESSION, point.session)):
        if vector:
            vectors[name] = models.SparseVector(indices=list(vector), values=list(vector.values()))
    if point.dense:
        from app.memory.vectors import unpack  # brings numpy, which a server without a model never loads

        vectors[_DENSE] = unpack(point.dense)
    payload = point.payload
    return models.PointStruct(
        id=str(point.id),
        vector=vectors,
        payload={
            "user": payload.user,
            "project": payload.project,
            "kind": payload.kind,
            "tags": payload.tags,
            "role": payload.role,
            "conversation": payload.conversation,
            "at": payload.at.timestamp(),
        },
    )


def _as_float32(score: float) -> float:
    """Return the number the server meant: it writes the fewest digits that tell one 32-bit float from the next."""
    (exact,) = _FLOAT32.unpack(_FLOAT32.pack(score))
    return float(exact)


def _conditions(user: str, where: Filter) -> list[Any]:
    must = [_is("user", user)]
    if where.projects is not None:
        must.append(_any("project", where.projects))
    if where.kinds is not None:
        must.append(_any("kind", [str(kind) for kind in where.kinds]))
    must.extend(_is("tags", tag) for tag in where.tags or ())
    if where.role is not None:
        must.append(_is("role", where.role))
    if where.conversation_id is not None:
        must.append(_is("conversation", where.conversation_id))
    if where.since is not None or where.until is not None:
        since = where.since.timestamp() if where.since is not None else None
        until = where.until.timestamp() if where.until is not None else None
        must.append(models.FieldCondition(key="at", range=models.Range(gte=since, lt=until)))
    return must


def _among(ids: Iterable[UUID]) -> models.HasIdCondition:
    return models.HasIdCondition(has_id=[str(id_) for id_ in ids])


def _is(field: str, value: str) -> models.FieldCondition:
    return models.FieldCondition(key=field, match=models.MatchValue(value=value))


def _any(field: str, values: Iterable[str]) -> models.FieldCondition:
    return models.FieldCondition(key=field, match=models.MatchAny(any=list(values)))


def _told(error: UnexpectedResponse) -> str:
    """Return what the server said, in one short line."""
    try:
        said = error.structured()["status"]["error"]
    except (ValueError, KeyError, TypeError):
        said = error.reason_phrase
    return " ".join(str(said).split())[:200]
