"""Imports into the test's database and exports from it, without the command line."""

from __future__ import annotations

import io
import json
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from app.backoff import Backoff
from app.memory.types import Scope
from app.ops import exporting
from app.ops.importing.names import Format
from app.ops.importing.run import Importer, ImportReport
from app.ops.importing.sources import opened
from app.ops.progress import Bar
from app.settings.fields import Settings
from app.store.database import Database
from app.store.postgres import PostgresStore
from tests.support.cli import Command, command_on

Take = Callable[..., Awaitable[ImportReport]]
Give = Callable[..., Awaitable[bytes]]


@pytest.fixture
def take(database: Database, plain_settings: Settings, alice: Scope, tmp_path: Path) -> Take:
    """Import: a path, bytes, or values that become JSON Lines; for alice unless told otherwise."""

    async def take(
        what: Path | bytes | list[Any],
        format: Format | None = None,
        *,
        scope: Scope = alice,
        project: str | None = None,
    ) -> ImportReport:
        if isinstance(what, list):
            what = b"".join(json.dumps(one).encode() + b"\n" for one in what)
        if isinstance(what, bytes):
            (tmp_path / "import-me").write_bytes(what)
            what = tmp_path / "import-me"
        with ExitStack() as stack:
            importer = Importer(
                PostgresStore(database),
                scope,
                plain_settings,
                project=project,
                bar=Bar("importing"),
                backoff=Backoff(first_s=0.0, longest_s=0.0),
            )
            return await importer.import_all(opened(str(what), stack), format)

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
    return command_on(connect_arguments, tmp_path)
