"""A daemon's side of the socket for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.datadir import unix_socket as unix
from app.settings.fields import Settings
from tests.support.line_sessions import Place


@pytest.fixture
async def place(tmp_path: Path, plain_settings: Settings) -> AsyncIterator[Place]:
    place = Place(str(tmp_path / "socket"), plain_settings)
    await place.sessions.start(unix.listen(place.path))
    try:
        yield place
    finally:
        await place.end()
