"""A made data directory, a copy of it for each test, and a running server."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.store.embedded import EmbeddedPostgres
from tests.support.embedded import living


@pytest.fixture(scope="module")
def made() -> Iterator[Path]:
    """A data directory with a database, to copy: making one takes most of a test's time."""
    with tempfile.TemporaryDirectory() as folder:
        server = EmbeddedPostgres(Path(folder, "data"))
        server.start()
        server.stop()
        yield Path(folder, "data")


@pytest.fixture
def data_dir(made: Path, tmp_path: Path) -> Iterator[Path]:
    """A data directory of the test's own; no process may be left on it."""
    copy = tmp_path / "data"
    subprocess.run(["cp", "-a", made, copy], check=True)
    yield copy
    left = living(copy)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert not left, "the test left PostgreSQL processes behind"


@pytest.fixture
def server(data_dir: Path) -> Iterator[EmbeddedPostgres]:
    """A running server."""
    server = EmbeddedPostgres(data_dir)
    server.start()
    yield server
    server.stop()
