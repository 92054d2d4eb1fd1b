"""A Qdrant server for every test that asks for one, each with collections of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from app.settings.fields import Settings
from tests.support.qdrant import COPIES, delete_all, qdrant


@pytest.fixture(scope="session")
def qdrant_url(run_folder: Path) -> Iterator[str]:
    """Where a Qdrant server answers."""
    with qdrant(run_folder / "qdrant") as url:
        yield url


@pytest.fixture
async def qdrant_settings(plain_settings: Settings, qdrant_url: str) -> AsyncIterator[Settings]:
    """Settings with that server."""
    prefix = f"test_{uuid4().hex[:12]}"
    yield plain_settings.model_copy(
        update={"qdrant_url": qdrant_url, "qdrant_collection": prefix, "qdrant_replication_factor": COPIES}
    )
    await delete_all(qdrant_url, prefix)
