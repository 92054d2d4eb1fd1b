"""Sets up the index on a Qdrant server: all processes share its collections, and one of them feeds them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.index.setup import Index, IndexFeeder, IndexSource, IndexStatus, MaySend, SharedIndex

if TYPE_CHECKING:
    from app.settings.fields import Settings


class QdrantSetup:
    """A Qdrant server, or a cluster of them."""

    name = "server"
    modules = ("app.index.qdrant.server", "app.index.qdrant.search", "app.index.qdrant.feeder")
    folder = None
    remedy = "check QDRANT_URL and QDRANT_API_KEY, and that Qdrant runs there; then claude-memory reindex"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @property
    def shared(self) -> SharedIndex:
        return self

    def index(self, source: IndexSource) -> Index:
        from app.index.qdrant.search import QdrantIndex
        from app.index.qdrant.server import QdrantServer

        return QdrantIndex(source.log, source.collections, QdrantServer.of(self._settings))

    def feeder(self, source: IndexSource, may_send: MaySend) -> IndexFeeder:
        from app.index.qdrant.feeder import QdrantFeeder

        return QdrantFeeder(source, self._settings, may_send)

    async def status(self, source: IndexSource) -> IndexStatus:
        from app.index.qdrant.shape import shape_of

        live = await source.collections.live()
        if live is None:
            return IndexStatus(name=None, points=0, is_wanted=False)
        wanted = shape_of(self._settings).with_vectors(await source.log.space())
        return IndexStatus(name=live.name, points=live.points, is_wanted=live.shape == wanted.to_json())
