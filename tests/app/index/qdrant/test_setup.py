"""How the index on a Qdrant server is set up."""

from __future__ import annotations

from app.index.qdrant.setup import QdrantSetup
from app.index.setup import IndexStatus
from app.runtime.composition import index_source
from app.settings.fields import Settings
from app.store.change_log import PostgresChangeLog
from app.store.database import Database
from tests.support.qdrant import answering, fed, feeding


async def test_a_shared_index_stands_as_its_live_collection_does(
    qdrant_settings: Settings, database: Database, log: PostgresChangeLog
) -> None:
    setup, source = QdrantSetup(qdrant_settings), index_source(log, database)
    assert (setup.folder, setup.shared is None) == (None, False)
    assert await setup.status(source) == IndexStatus(name=None, points=0, is_wanted=False)

    async with feeding(database, qdrant_settings) as feeder:
        await fed(feeder)
    there = await setup.status(source)
    others = QdrantSetup(qdrant_settings.model_copy(update={"qdrant_shards": 2}))

    assert there.is_wanted
    assert (await others.status(source)) == IndexStatus(name=there.name, points=0, is_wanted=False)


async def test_a_rebuild_of_a_shared_index_is_asked_of_the_feeder(
    qdrant_settings: Settings, database: Database, log: PostgresChangeLog
) -> None:
    collections = index_source(log, database).collections
    async with feeding(database, qdrant_settings) as feeder:
        await fed(feeder)
    async with answering(database, qdrant_settings) as index:
        index.wake()
        await index.wait_filled(10)
        await index.rebuild()

    live = await collections.live()
    assert live is not None
    assert live.rebuild_asked
    assert index.filling is None
