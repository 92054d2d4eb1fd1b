"""Imports into the test's database and exports from it, without the command line."""

from __future__ import annotations

import asyncio
import io
import json
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from app.memory.types import Scope
from app.ops import exporting
from app.ops.importing.run import Importer, ImportReport
from app.ops.importing.sources import opened
from app.ops.progress import Bar
from app.settings.fields import Settings
from app.store.database import Database
from app.store.postgres import PostgresStore

REPOSITORY = Path(__file__).resolve().parents[3]

Take = Callable[..., Awaitable[ImportReport]]
Give = Callable[..., Awaitable[bytes]]
Command = Callable[..., Awaitable[subprocess.CompletedProcess[bytes]]]


@pytest.fixture
def take(database: Database, plain_settings: Settings, alice: Scope, tmp_path: Path) -> Take:
    """Import: a path, bytes, or values that become JSON Lines; for alice unless told otherwise."""

    async def take(
        what: Path | bytes | list[Any], format: str | None = None, *, scope: Scope = alice, project: str | None = None
    ) -> ImportReport:
        if isinstance(what, list):
            what = b"".join(json.dumps(one).encode() + b"\n" for one in what)
        if isinstance(what, bytes):
            (tmp_path / "import-me").write_bytes(what)
            what = tmp_path / "import-me"
        with ExitStack() as stack:
            importer = Importer(PostgresStore(database), scope, plain_settings, project=project, bar=Bar("importing"))
            return await importer.take(opened(str(what), stack), format)

    return take


@pytest.fixture
def give(database: Database, alice: Scope) -> Give:
    """Export: alice's memories unless told otherwise, as bytes."""

    async def give(scope: Scope = alice, project: str | None = None) -> bytes:
        out = io.BytesIO()
        await exporting.write(database, scope, out, project=project, bar=Bar("exporting"))
        return out.getvalue()

    return give


@pytest.fixture
def command(connect_arguments: dict[str, Any], tmp_path: Path) -> Command:
    """Run a command line on the test's database, as a process of its own."""
    host, port = quote(str(connect_arguments["host"]), safe=""), connect_arguments["port"]
    url = f"postgresql:///{connect_arguments['database']}?host={host}&port={port}&user={connect_arguments['user']}"
    always = {**os.environ, "DATABASE_URL": url, "PYTHONPATH": str(REPOSITORY)}

    async def command(
        *arguments: str, given: bytes = b"", environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        env = {**always, **(environment or {})}
        options: dict[str, Any] = {"capture_output": True, "input": given, "env": env, "cwd": tmp_path}
        return await asyncio.to_thread(subprocess.run, [sys.executable, "-m", "app", *arguments], **options)

    return command
