"""Sends an outbox to a memU service until it is killed.

`python -m tests.support.sending DATABASE_URL MEMU_URL KEY`
"""

from __future__ import annotations

import asyncio
import sys

from app.backoff import Backoff
from app.memu.client import MemuClient
from app.memu.sender import Sender, SenderTimes
from app.memu.service import Generation
from app.store.database import Database
from tests.support.outbox import outbox_of


async def send(database_url: str, memu_url: str, key: str) -> None:
    """Send for ever, without waiting anywhere."""
    database = Database({"dsn": database_url})
    await database.open()

    async def leads() -> bool:
        return True

    at_no_time = Backoff(first_s=0.001, longest_s=0.001)
    times = SenderTimes(idle_s=0.01, backoff=at_no_time, first_poll_s=0.0, longest_poll_s=0.0)
    await Sender(outbox_of(database), MemuClient(memu_url, key, Generation.V3), leads, times).run()


if __name__ == "__main__":
    asyncio.run(send(*sys.argv[1:]))
