"""A PostgreSQL server whose log goes to a bucket, by the scripts of the selfhost stack, without its containers."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg

from app.settings.fields import Settings
from app.store.database import Database
from app.wal.archive import Archive
from app.wal.fetching import FetchReport, fetch
from app.wal.names import Contents
from app.wal.shipping import Shipper
from infra.selfhost.database import DATABASE, settings_file
from infra.selfhost.files import FOLDER
from infra.selfhost.log_spool import SPOOL, script, server_files, server_settings
from tests.support.postgres_server import OWNER, PostgresServer, binaries
from tests.support.waiting import until


class ArchivedServer:
    """The server, the folder that stands for its container's files, and the spool."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self.settings, self.spool, self.files = settings, settings.wal_spool, folder / "files"
        self._folder, self.base_log = folder, folder / "base.log"
        self.server = PostgresServer(folder / "server", config_file=f"{self.files}/postgresql.conf")
        self.data = folder / "server" / "cluster"
        self.archive = Archive(settings)

    def create(self) -> None:
        """Make the files, the spool and the cluster."""
        for made in (self.files, self.spool):
            made.mkdir(parents=True)
        self.spool.chmod(0o777)  # as the app's image has it
        texts = {**server_files("postgres", DATABASE), "postgresql.conf": settings_file(256, server_settings())}
        for name, text in texts.items():
            self._write(name, text)
        self.server.create()

    def _write(self, name: str, text: str) -> None:
        own = text.replace(FOLDER, str(self.files)).replace(SPOOL, str(self.spool))
        if name.endswith(".sh"):
            own = f"PATH={binaries()}:$PATH\n{own}"
        (self.files / name).write_text(own)

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Archive as long as the block lasts, as the two containers do."""
        (self.files / "password").write_text("made-up")
        self._write(
            "base.sh",
            script(
                "base.sh",
                SPOOL=SPOOL,
                PASSWORD_FILE=f"{FOLDER}/password",
                PGHOST="127.0.0.1",
                PGPORT=str(self.server.port),
                PGUSER="postgres",
                EVERY_S="1",
                SWITCH_S="1",
            ),
        )
        bases = self._run_base_backups()
        try:
            async with asyncio.TaskGroup() as group:  # a round that fails ends the block
                shipping = group.create_task(self._ship())
                yield
                shipping.cancel()
        finally:
            bases.terminate()
            bases.wait(20)

    def _run_base_backups(self) -> subprocess.Popen[bytes]:
        with self.base_log.open("ab") as log:
            return subprocess.Popen(["sh", str(self.files / "base.sh")], stderr=log, **self.as_server())

    async def _ship(self) -> None:
        shipper = Shipper(self.settings, self.archive)
        while True:
            await shipper.round()
            await asyncio.sleep(0.1)

    def as_server(self) -> dict[str, Any]:
        """Return how to run a program as the server's user, as its container does."""
        account = self.server._account
        user = {"user": account.uid, "group": account.gid, "extra_groups": []} if account.switched else {}
        return {"cwd": self._folder, "env": {**os.environ, "PGDATA": str(self.data)}, **user}

    def restore(self) -> subprocess.CompletedProcess[str]:
        """Run restore.sh."""
        return subprocess.run(
            ["sh", str(self.files / "restore.sh")], capture_output=True, text=True, check=False, **self.as_server()
        )

    def lose_host(self) -> None:
        """Kill the server and delete all that its host had of it: the data and the spool."""
        self.server.kill()
        shutil.rmtree(self.data)
        for path in self.spool.iterdir():
            shutil.rmtree(path)

    async def make_tables(self) -> None:
        """Make the app's tables."""
        database = Database({"dsn": self.server.url()})
        await database.open()
        await database.close()

    async def fetch(self, to: datetime | None) -> FetchReport:
        """Fetch what a restore to a moment needs; None: to the end of the log."""
        return await fetch(self.archive, self.spool, to, None)

    async def contents(self) -> Contents:
        """Return what the bucket has of the one cluster there."""
        clusters = await self.archive.clusters()
        assert len(clusters) < 2
        return await self.archive.contents(clusters[0]) if clusters else Contents("", (), {})

    async def query(self, sql: str, *values: Any, database: str = OWNER, user: str = OWNER) -> list[asyncpg.Record]:
        """Run a statement on a connection of its own."""
        connection = await asyncpg.connect(self.server.url(database, user))
        try:
            return list(await connection.fetch(sql, *values))
        finally:
            await connection.close()

    async def until_archived(self) -> None:
        """Wait until the bucket has all of the log up to now, and the transaction after it."""
        for _ in range(2):
            [[name]] = await self.query("select pg_walfile_name(pg_current_wal_insert_lsn())", user="postgres")
            await until(partial(self._has, name), f"{name} in the bucket")

    async def _has(self, name: str) -> bool:
        return name in (await self.contents()).logs

    async def until_base(self) -> None:
        """Wait for a base backup in the bucket, and for the moment from which on a restore can begin with it."""

        async def there() -> bool:
            return any(base.complete <= datetime.now(UTC) for base in (await self.contents()).bases)

        await until(there, "a base backup in the bucket")
