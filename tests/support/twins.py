"""Two PostgreSQL servers that are started by the script of the selfhost stack, without its containers."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any, Literal

import asyncpg
import psutil

from infra.selfhost.database import ADMIN, settings_file
from infra.selfhost.files import FOLDER
from infra.selfhost.twin import FENCED, START, Twin, server_files, server_settings
from tests.support.docker import RECIPES, free_port
from tests.support.embedded import unprivileged
from tests.support.postgres_server import binaries
from tests.support.waiting import until

PASSWORD = "made-up"
_STOP_S = 60


class TwinServer:
    """One of two. volume: what its data volume is in a container."""

    def __init__(self, folder: Path, begins: Literal["primary", "standby"]) -> None:
        self.port, self._begins = free_port(), begins
        self.volume, self._files, self._log = folder / "volume", folder / "files", folder / "log"
        self.data = self.volume / "15" / "docker"
        self._account = unprivileged()
        self._process: subprocess.Popen[bytes] | None = None
        for made in (self.volume, self._files):
            made.mkdir(parents=True)
            self._account.give(made)
        self._log.touch()
        self._account.give(self._log)

    def knows(self, other: TwinServer) -> None:
        """Write the files of its container."""
        twin = Twin(host="127.0.0.1", port=other.port, begins=self._begins)
        own = {"port": str(self.port), "unix_socket_directories": "''", "fsync": "off"}
        texts = {
            **server_files(twin, ADMIN, str(self.volume)),
            "postgresql.conf": settings_file(128, {**server_settings(), **own}),
            "password": PASSWORD,
        }
        for name, text in texts.items():
            (self._files / name).write_text(text.replace(FOLDER, str(self._files)), encoding="utf-8")
        shutil.copy(RECIPES / "postgres-entrypoint.sh", self._files / "docker-entrypoint.sh")
        (self._files / "docker-entrypoint.sh").chmod(0o755)

    def start(self) -> None:
        """Start it; `ready` waits for it."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                ["sh", str(self._files / START)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self._as_account(),
            )

    def ended(self) -> int:
        """Wait until it ends by itself; return its exit status."""
        assert self._process is not None
        return self._process.wait(_STOP_S)

    def stop(self) -> None:
        """Stop it as `docker stop` does."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(_STOP_S)
            self._process = None

    def kill(self) -> None:
        """Kill all of its processes."""
        if self._process is not None and self._process.poll() is None:
            main = psutil.Process(self._process.pid)
            for one in [main, *main.children(recursive=True)]:
                one.kill()
            self._process.wait(_STOP_S)
        self._process = None

    def fence(self) -> None:
        """Mark its data as `promote` does."""
        mark = self.volume / FENCED
        mark.touch()
        self._account.give(mark)

    def lose(self) -> None:
        """Lose its volume."""
        shutil.rmtree(self.volume)
        self.volume.mkdir()
        self._account.give(self.volume)

    def control(self) -> dict[str, str]:
        """Return what pg_controldata says of its data."""
        done = subprocess.run(
            [f"{binaries()}/pg_controldata", str(self.data)],
            capture_output=True,
            text=True,
            check=True,
            env={"LC_ALL": "C"},
        )
        return {name: value.strip() for name, _, value in (line.partition(":") for line in done.stdout.splitlines())}

    def said(self) -> str:
        """Return its log."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    async def ask(self, sql: str, *values: Any) -> Any:
        """Return the first value that a statement gives."""
        connection = await asyncpg.connect(
            host="127.0.0.1", port=self.port, user=ADMIN, password=PASSWORD, database="postgres"
        )
        try:
            return await connection.fetchval(sql, *values)
        finally:
            await connection.close()

    async def ready(self) -> None:
        """Wait until it takes connections."""

        async def answers() -> bool:
            assert self._process is None or self._process.poll() is None, self.said()[-1_000:]
            try:
                return await self.ask("select true") is True
            except (OSError, asyncpg.PostgresError):
                return False

        await until(answers, "the server")

    def _as_account(self) -> dict[str, Any]:
        environment = {
            "PATH": f"{self._files}:{binaries()}:{os.environ['PATH']}",
            "PGDATA": str(self.data),
            "POSTGRES_USER": ADMIN,
            "POSTGRES_PASSWORD_FILE": str(self._files / "password"),
            "POSTGRES_INITDB_ARGS": "--data-checksums --auth-host=scram-sha-256 --no-sync --locale=C --encoding=UTF8",
        }
        user = (
            {"user": self._account.uid, "group": self._account.gid, "extra_groups": []}
            if self._account.switched
            else {}
        )
        return {"cwd": self.volume, "env": environment, **user}
