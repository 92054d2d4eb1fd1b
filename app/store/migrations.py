"""Brings the schema up to date: numbered SQL files, each applied once, in its own transaction, under one lock."""

from __future__ import annotations

import hashlib
import math
import re
from dataclasses import dataclass
from importlib import resources

import asyncpg

from app.errors import Conflict

LOCK_KEY = 0x636C6D656D  # "clmem": advisory lock for migrating or restoring a database; servers wait for it
_LIMIT_S = 3_600.0  # per file: it may read or rewrite all memories
_NAME = re.compile(r"^(\d{4})_[a-z0-9_]+\.sql$")


@dataclass(frozen=True, slots=True)
class Migration:
    """One file of `schema/`."""

    number: int
    name: str
    sql: str

    @property
    def digest(self) -> bytes:
        return hashlib.sha256(self.sql.encode()).digest()


def migrations() -> list[Migration]:
    """Return all files of `schema/` in order."""
    files = [
        Migration(int(match[1]), entry.name, entry.read_text(encoding="utf-8"))
        for entry in resources.files("app.store").joinpath("schema").iterdir()
        if (match := _NAME.match(entry.name))
    ]
    return sorted(files, key=lambda migration: migration.number)


async def migrate(connection: asyncpg.Connection, last: int | None = None) -> int:
    """Apply the missing files, up to number `last` if given; return how many it applied.

    Raises Conflict when the database has a newer schema than this version knows, or when an applied file has changed
    since.
    """
    known = migrations()
    await connection.execute("select pg_advisory_lock($1)", LOCK_KEY)
    try:
        await connection.execute(
            "create table if not exists schema_migrations ("
            " number integer primary key, name text not null, digest bytea not null,"
            " applied_at timestamptz not null default now())"
        )
        rows = await connection.fetch("select number, name, digest from schema_migrations order by number")
        applied = {row["number"]: row for row in rows}
        _reject_unknown(known, applied)
        missing = [
            migration
            for migration in known
            if migration.number not in applied and migration.number <= (last or math.inf)
        ]
        for migration in missing:
            async with connection.transaction():
                await connection.execute(migration.sql, timeout=_LIMIT_S)
                await connection.execute(
                    "insert into schema_migrations (number, name, digest) values ($1, $2, $3)",
                    migration.number,
                    migration.name,
                    migration.digest,
                )
        return len(missing)
    finally:
        await connection.execute("select pg_advisory_unlock($1)", LOCK_KEY)


def _reject_unknown(known: list[Migration], applied: dict[int, asyncpg.Record]) -> None:
    ours = {migration.number: migration for migration in known}
    for number, row in applied.items():
        if number not in ours:
            raise Conflict(
                f"the database has schema {row['name']}, which this version does not know; install the newer version"
            )
        if ours[number].digest != row["digest"]:
            raise Conflict(
                f"the database's schema {row['name']} is not the one of this version: another build made it; "
                "use the version that made it, or export there and import into a new database"
            )
