"""How the embedded index is set up."""

from __future__ import annotations

from dataclasses import replace

from app.index.embedded.setup import EmbeddedSetup
from app.index.embedded.state import IndexState, write_state
from app.index.setup import IndexStatus
from app.runtime.composition import index_source
from app.settings.fields import Settings
from app.store.change_log import PostgresChangeLog
from app.store.database import Database


async def test_an_index_of_a_process_keeps_its_files_in_the_data_directory(
    plain_settings: Settings, database: Database, log: PostgresChangeLog
) -> None:
    setup, source = EmbeddedSetup(plain_settings), index_source(log, database)
    folder = plain_settings.data_dir / "index"
    assert (setup.folder, setup.shared) == (folder, None)
    assert await setup.status(source) == IndexStatus(name=str(folder), points=0, is_wanted=False)

    folder.mkdir(parents=True)
    write_state(folder, replace(IndexState.new("database", None), position=5, users=1))

    assert (await setup.status(source)).is_wanted
