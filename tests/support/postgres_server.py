"""A real PostgreSQL server, Debian's, on a free loopback port: what DATABASE_URL points at in a deployment."""

from __future__ import annotations

import hashlib
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

import asyncpg
import psutil

from tests.support.embedded import unprivileged
from tests.support.postgres import in_own_loop, temporary_folder

OWNER = "claude_memory"
_PASSWORD = "made-up"  # of a server on loopback that lives as long as a test
_BINARIES = Path("/usr/lib/postgresql")
_PATIENCE_S = 30.0
_NAMES = count()


def binaries() -> Path | None:
    """Return the folder with the newest installed server's programs, or None where there is none."""
    found = sorted(_BINARIES.glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


class PostgresServer:
    """One server with one cluster. `stop`, `kill` and `freeze` are the ways in which it goes away.

    options: of the server, such as fsync="on"; without one it does not survive the machine's crash, only its own.
    """

    def __init__(self, folder: Path, **options: str) -> None:
        programs = binaries()
        assert programs is not None, "apt-get install postgresql-15"
        self._bin, self._folder, self._data = programs, folder, folder / "cluster"
        self._options = {"fsync": "off", "max_connections": "100", **options}
        self._account = unprivileged()
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    def url(self, database: str = OWNER, user: str = OWNER) -> str:
        """Return what DATABASE_URL is set to."""
        return f"postgresql://{user}:{_PASSWORD}@127.0.0.1:{self.port}/{database}"

    def create(self) -> None:
        """Make the cluster, start it, and make the role and the database an operator would."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._account.give(self._folder)
        password = self._folder / "password"
        password.write_text(_PASSWORD)
        self._account.give(password)
        options = ["--no-sync", "--username=postgres", "--auth=scram-sha-256", f"--pwfile={password}", "--locale=C"]
        subprocess.run(
            [self._bin / "initdb", "-D", self._data, "--encoding=UTF8", *options],
            check=True,
            capture_output=True,
            **self._as_account(),
        )
        self.start()
        in_own_loop(self._make_owner)

    async def _make_owner(self) -> None:
        admin = await asyncpg.connect(self.url("postgres", "postgres"))
        try:
            await admin.execute(f"create role {OWNER} login createrole password '{_PASSWORD}'")
            await admin.execute(f"create database {OWNER} owner {OWNER}")
        finally:
            await admin.close()

    @asynccontextmanager
    async def database(self) -> AsyncIterator[str]:
        """Make an empty database and yield its URL; drop it afterwards."""
        name = f"test_{next(_NAMES)}"
        admin = await asyncpg.connect(self.url("postgres", "postgres"))
        try:
            await admin.execute(f"create database {name} owner {OWNER}")
            yield self.url(name)
            await admin.execute(f"drop database {name} with (force)")
        finally:
            await admin.close()

    def start(self) -> None:
        """Start it, on the port it had before, and wait until it takes connections."""
        self.port = self.port or _free_port()
        options = {"port": str(self.port), "listen_addresses": "127.0.0.1", "unix_socket_directories": ""}
        given = [part for name, value in {**self._options, **options}.items() for part in ("-c", f"{name}={value}")]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._bin / "postgres", "-D", self._data, *given],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C ends the tests, and they end it
                **self._as_account(),
            )
        deadline = time.monotonic() + _PATIENCE_S
        while not self._answers():
            assert self._process.poll() is None, (self._folder / "log").read_text(errors="replace")[-1_000:]
            assert time.monotonic() < deadline, "the server did not come up"
            time.sleep(0.02)

    def _answers(self) -> bool:
        done = subprocess.run(
            [self._bin / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port), "-t", "2"], check=False
        )
        return done.returncode == 0

    def stop(self) -> None:
        """Stop it as `systemctl stop` does: connections are closed; idempotent."""
        if self._process is not None:
            self.thaw()
            self._process.send_signal(signal.SIGINT)
            self._process.wait(_PATIENCE_S)
            self._process = None

    def kill(self) -> None:
        """Kill all of its processes without a warning."""
        for process in self._family():
            with suppress(psutil.NoSuchProcess):
                process.kill()
        if self._process is not None:
            self._process.wait(_PATIENCE_S)
            self._process = None

    def freeze(self) -> None:
        """Let it hang: the kernel takes connections and bytes, and nobody ever answers. As when packets vanish."""
        for process in self._family():
            with suppress(psutil.NoSuchProcess):
                process.suspend()

    def thaw(self) -> None:
        """Let it go on."""
        for process in self._family():
            with suppress(psutil.NoSuchProcess):
                process.resume()

    def _family(self) -> list[psutil.Process]:
        if self._process is None or self._process.poll() is not None:
            return []
        main = psutil.Process(self._process.pid)
        return [main, *main.children(recursive=True)]

    def _as_account(self) -> dict[str, Any]:
        if not self._account.switched:
            return {"cwd": self._folder}
        return {"cwd": self._folder, "user": self._account.uid, "group": self._account.gid, "extra_groups": []}


_EVERYTHING = """
select string_agg(line, e'\\n' order by line) from (
    select format('%s %s.%s %s %s', c.relkind, relname, attname, atttypid::regtype, attnotnull) as line
    from pg_class c join pg_attribute on attrelid = c.oid and attnum > 0 and not attisdropped
    where relnamespace = current_schema()::regnamespace
    union all select format('f %s %s', proname, md5(prosrc)) from pg_proc
    where pronamespace = current_schema()::regnamespace
    union all select format('t %s %s %s', tgrelid::regclass, tgname, tgenabled) from pg_trigger where not tgisinternal
    union all select format('p %s %s', tablename, policyname) from pg_policies where schemaname = current_schema()
    union all select format('c %s %s', conrelid::regclass, pg_get_constraintdef(c.oid)) from pg_constraint c
    where connamespace = current_schema()::regnamespace and contype <> 'n' -- PostgreSQL 18 has a row for each not null
    union all select format('a %s %s', oid::regclass, relacl) from pg_class
    where relnamespace = current_schema()::regnamespace and relkind in ('r', 'S')
) as lines
"""


async def fingerprint(connection: asyncpg.Connection) -> str:
    """Return a checksum of the schema: columns, indexes, functions, triggers, policies, constraints, rights."""
    text = await connection.fetchval(_EVERYTHING) or ""
    return hashlib.sha256(text.encode()).hexdigest()


@contextmanager
def postgres_server(**options: str) -> Iterator[PostgresServer]:
    """Run a server in a folder of its own as long as the block lasts."""
    folder = temporary_folder()
    try:
        with postgres_server_in(folder / "postgres", **options) as server:
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def postgres_server_in(folder: Path, **options: str) -> Iterator[PostgresServer]:
    """Run a server in this folder as long as the block lasts."""
    server = PostgresServer(folder, **options)
    try:
        server.create()
        yield server
    finally:
        server.kill()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
