"""Each engine's setup: what it says of itself without loading the engine, and what stands now."""

from __future__ import annotations

import subprocess
import sys

import pytest

from app.index.edge.setup import EdgeSetup
from app.index.edge.state import ShardState, write_state
from app.index.qdrant.setup import QdrantSetup
from app.index.setup import Standing
from app.runtime.composition import index_source
from app.settings.fields import Settings
from app.store.change_log import PostgresChangeLog
from app.store.database import Database
from tests.support.qdrant import answering, fed, feeding
from tests.support.serving import ROOT


@pytest.mark.parametrize("setup", ["edge.setup.EdgeSetup", "qdrant.setup.QdrantSetup"])
def test_a_setup_loads_nothing_of_its_engine(setup: str) -> None:
    module, _, name = f"app.index.{setup}".rpartition(".")
    program = (
        f"import sys; from {module} import {name}; from app.settings.fields import Settings\n"
        f"setup = {name}(Settings(_env_file=None)); setup.name, setup.folder, setup.remedy, setup.shared\n"
        "print([name for name in ('qdrant_edge', 'qdrant_client', 'httpx', 'numpy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


async def test_an_index_of_a_process_keeps_its_files_in_the_data_directory(
    plain_settings: Settings, database: Database, log: PostgresChangeLog
) -> None:
    setup, source = EdgeSetup(plain_settings), index_source(log, database)
    folder = plain_settings.data_dir / "index"
    assert (setup.folder, setup.shared) == (folder, None)
    assert await setup.standing(source) == Standing(name=str(folder), points=0, is_wanted=False)

    folder.mkdir(parents=True)
    write_state(folder, ShardState.at(5, "database", None))

    assert (await setup.standing(source)).is_wanted


async def test_a_shared_index_stands_as_its_live_collection_does(
    qdrant_settings: Settings, database: Database, log: PostgresChangeLog
) -> None:
    setup, source = QdrantSetup(qdrant_settings), index_source(log, database)
    assert (setup.folder, setup.shared is None) == (None, False)
    assert await setup.standing(source) == Standing(name=None, points=0, is_wanted=False)

    async with feeding(database, qdrant_settings) as feeder:
        await fed(feeder)
    there = await setup.standing(source)
    others = QdrantSetup(qdrant_settings.model_copy(update={"qdrant_shards": 2}))

    assert there.is_wanted
    assert (await others.standing(source)) == Standing(name=there.name, points=0, is_wanted=False)


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
