"""Calls a Qdrant server over REST, through qdrant-client, and creates, names and deletes its collections.

Every call has a time limit, and idempotent calls are retried. A failure raises one of two errors: IndexUnavailable
if a collection is lost and must be refilled, EngineAway for everything else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, Self, TypeAlias, TypeVar

import httpx
from pydantic import SecretStr
from qdrant_client import AsyncQdrantClient, models
from qdrant_client.common.client_exceptions import ResourceExhaustedResponse
from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

from app.backoff import Backoff
from app.errors import IndexUnavailable
from app.fair_loop import shared
from app.index.engine import EngineAway
from app.index.qdrant.convert import INDEXES, collection_parameters
from app.index.qdrant.shape import Shape
from app.index.setup import MaySend

if TYPE_CHECKING:
    from app.settings.fields import Settings

SEARCH_LIMIT_S = 1.0  # rather than wait longer, a search goes without the index
WRITE_LIMIT_S = 60.0
ADMIN_LIMIT_S = 120.0  # creating a collection takes 10 s while a node of a cluster is down
BACKOFF = Backoff(first_s=0.15, longest_s=10.0)
_CONNECTIONS = 32

T = TypeVar("T")
Call: TypeAlias = Callable[[AsyncQdrantClient], Awaitable[T]]


class QdrantServer:
    """A server, or a cluster of which it calls one node at a time."""

    def __init__(
        self,
        urls: Sequence[str],
        key: SecretStr | None,
        tries: int,
        may_send: MaySend | None = None,
        backoff: Backoff = BACKOFF,
    ) -> None:
        """urls: of the cluster's nodes, at least one. tries: attempts at an idempotent call.

        may_send: called right before each request that could change something; None for a reader.
        """
        self._nodes = [
            AsyncQdrantClient(
                url=url,
                # as a header: the client's own argument for it warns on stderr without TLS
                headers={"api-key": key.get_secret_value()} if key is not None else None,
                timeout=int(WRITE_LIMIT_S),
                check_compatibility=False,
                limits=httpx.Limits(max_connections=_CONNECTIONS, max_keepalive_connections=_CONNECTIONS),
                event_hooks={"request": [_permission_hook(may_send)]} if may_send is not None else {},
            )
            for url in urls
        ]
        self._current = 0
        self.tries = max(1, tries)
        self._backoff = backoff

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
        """Create an empty collection with its indexes. Raises EngineAway, also for an unsupported shape."""
        if shape.shard_keys and not await self._is_cluster():
            raise EngineAway(
                "QDRANT_SHARD_KEYS is set, but the Qdrant server is a single node without cluster mode; "
                "unset it, or start Qdrant with QDRANT__CLUSTER__ENABLED=true"
            )
        await self.call(lambda qdrant: qdrant.create_collection(name, **collection_parameters(shape)), ADMIN_LIMIT_S)
        for key in shape.all_keys():
            await self._create_key(name, key, shape)
        for field, kind in INDEXES.items():
            await self.call(
                lambda qdrant, field=field, kind=kind: qdrant.create_payload_index(name, field, kind),  # type: ignore[misc]
                ADMIN_LIMIT_S,
                self.tries,
            )

    async def _create_key(self, name: str, key: int | str, shape: Shape) -> None:
        """Create a shard key. While a node is down, its replicas come later and the server reports a timeout."""
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
        """Delete a collection, if it exists."""
        await self.call(lambda qdrant: qdrant.delete_collection(name), ADMIN_LIMIT_S, self.tries)

    async def alias(self, alias: str, name: str) -> None:
        """Point an alias to a collection, in one step, unless it points there already."""
        answer = await self.call(lambda qdrant: qdrant.get_aliases(), SEARCH_LIMIT_S, self.tries)
        present = next((row.collection_name for row in answer.aliases if row.alias_name == alias), None)
        if present == name:
            return
        actions: list[Any] = [
            models.CreateAliasOperation(create_alias=models.CreateAlias(collection_name=name, alias_name=alias))
        ]
        if present is not None:
            actions.insert(0, models.DeleteAliasOperation(delete_alias=models.DeleteAlias(alias_name=alias)))
        await self.call(lambda qdrant: qdrant.update_collection_aliases(actions), ADMIN_LIMIT_S, self.tries)

    async def quantize(self, name: str) -> None:
        """Quantize the dense vectors of a collection to bytes in memory, unless they are already."""
        info = await self.call(lambda qdrant: qdrant.get_collection(name), SEARCH_LIMIT_S, self.tries)
        if info.config.quantization_config is None:
            scalar = models.ScalarQuantizationConfig(type=models.ScalarType.INT8, always_ram=True)
            config = models.ScalarQuantization(scalar=scalar)
            await self.call(
                lambda qdrant: qdrant.update_collection(name, quantization_config=config), ADMIN_LIMIT_S, self.tries
            )

    async def call(self, make: Call[T], limit_s: float, tries: int = 1) -> T:
        """Make a call, with `limit_s` for all tries together; after a failure, call the next node.

        Raises IndexUnavailable if the collection does not exist, EngineAway for any other failure.
        """
        failures, node = 0, self._current
        try:
            async with asyncio.timeout(limit_s):
                while True:
                    node = self._current
                    try:
                        return await shared(_once(make, self._nodes[node]))
                    except _TemporaryFailure:
                        self._use_next_node(node)
                        failures += 1
                        if failures == tries:
                            raise
                    await self._backoff.wait(failures)
        except TimeoutError:
            self._use_next_node(node)
            raise EngineAway(f"Qdrant did not answer within {limit_s:.0f} s") from None

    def _use_next_node(self, node: int) -> None:
        """Call the node after this one from now on, unless another call has switched already."""
        if self._current == node:
            self._current = (node + 1) % len(self._nodes)


def _permission_hook(may_send: MaySend) -> Callable[[httpx.Request], Awaitable[None]]:
    """Return a hook of httpx, which runs right before a complete request is sent."""

    async def check(request: httpx.Request) -> None:
        if request.method != "GET" and not await may_send():
            raise EngineAway("another process may be feeding by now; nothing was written")

    return check


async def _once(make: Call[T], node: AsyncQdrantClient) -> T:
    try:
        return await make(node)
    except ResourceExhaustedResponse as error:
        raise _TemporaryFailure("Qdrant is overloaded (429)") from error
    except ResponseHandlingException as error:
        if isinstance(error.source, EngineAway):  # from our hook
            raise error.source from None
        raise _TemporaryFailure(f"Qdrant does not answer ({type(error.source).__name__})") from error
    except UnexpectedResponse as error:
        status = error.status_code or httpx.codes.BAD_GATEWAY
        if status == httpx.codes.NOT_FOUND:
            raise IndexUnavailable(f"Qdrant: {_message(error)}") from error
        if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            raise EngineAway(f"Qdrant rejects the key ({status}); check QDRANT_API_KEY") from error
        temporary = status >= httpx.codes.INTERNAL_SERVER_ERROR or status == httpx.codes.TOO_MANY_REQUESTS
        raise (_TemporaryFailure if temporary else EngineAway)(
            f"Qdrant answered {status}: {_message(error)}"
        ) from error


class _TemporaryFailure(EngineAway):
    """A failure that may be over at the next try."""


def _message(error: UnexpectedResponse) -> str:
    """Return the server's error message as one short line."""
    try:
        message = error.structured()["status"]["error"]
    except (ValueError, KeyError, TypeError):
        message = error.reason_phrase
    return " ".join(str(message).split())[:200]
