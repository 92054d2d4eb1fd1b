"""Stores that hand their writes to another service, and outboxes of theirs."""

from __future__ import annotations

from app.memory.outbox import OutboxEntry
from app.store.database import Database
from app.store.outbox import PostgresOutbox
from app.store.outbox_writing import OutboxWriting
from app.store.postgres import PostgresStore

CHARACTERS = 100  # of text in one entry
AGENT = "the-agent"


def handing_over(database: Database, *, keeps: bool = False) -> PostgresStore:
    """Return a store whose writes go to another service too. keeps: whether they stay here."""
    return PostgresStore(database, OutboxWriting(characters=CHARACTERS, keeps=keeps))


def outbox_of(database: Database, *, keeps: bool = False, under_way: int = 16) -> PostgresOutbox:
    """Return the outbox of such a store."""
    return PostgresOutbox(database, keeps=keeps, agent=AGENT, under_way=under_way)


def texts_of(entry: OutboxEntry) -> list[str]:
    """Return what an entry hands over."""
    return [message.text for message in entry.messages]


async def deliver(outbox: PostgresOutbox, entry: OutboxEntry) -> None:
    """Do what a sender does whose service has the entry at once."""
    assert await outbox.begin(entry)
    await outbox.delivered(entry)


async def deliver_all(outbox: PostgresOutbox) -> list[list[str]]:
    """Deliver until nothing is due; return the texts of each entry, in this order."""
    delivered = []
    while entries := await outbox.due(10):
        for entry in entries:
            await deliver(outbox, entry)
            delivered.append(texts_of(entry))
    return delivered


async def rows_in(database: Database, *tables: str) -> list[int]:
    """Return how many rows tables have."""
    async with database.as_service() as connection:
        return [await connection.fetchval(f"select count(*) from {table}") for table in tables]
