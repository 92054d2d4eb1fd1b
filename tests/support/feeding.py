"""A feeder in a process of its own, killed with SIGKILL at a step: python -m tests.support.feeding ARGUMENTS.

ARGUMENTS is JSON: connect (of the database), url, collection, grace_s, and die, as CLASS.METHOD:after.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from typing import Any

from app.index.qdrant.feeder import FeederTimes, QdrantFeeder
from app.index.qdrant.server import QdrantServer
from app.runtime.composition import index_source
from app.settings.fields import Settings
from app.store.change_log import PostgresChangeLog
from app.store.collections import PostgresCollections
from app.store.database import Database
from app.store.heartbeat import AlwaysHeld

CLASSES = {"Collections": PostgresCollections, "QdrantServer": QdrantServer}


def die_at(step: str) -> None:
    """Kill this process after a method ran for the first time."""
    name = step.removesuffix(":after")
    kind, _, method = name.partition(".")
    original = getattr(CLASSES[kind], method)

    async def dying(self: Any, *arguments: Any) -> Any:
        await original(self, *arguments)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(CLASSES[kind], method, dying)


async def main(arguments: dict[str, Any]) -> None:
    """Feed until killed."""
    die_at(arguments["die"])
    database = Database(arguments["connect"])
    await database.open()
    settings = Settings(
        _env_file=None,
        qdrant_url=arguments["url"],
        qdrant_collection=arguments["collection"],
        qdrant_shards=arguments["shards"],
        qdrant_replication_factor=arguments["copies"],
    )
    source = index_source(PostgresChangeLog(database), database)
    times = FeederTimes(look_s=0.01, tidy_s=0.05, grace_s=arguments["grace_s"])
    await QdrantFeeder(source, settings, AlwaysHeld().confirmed, times=times).run()


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
