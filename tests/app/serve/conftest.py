"""A daemon's side of the socket for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.datadir import unix_socket as unix
from app.serve.line_connection import TIMES, LineTimes
from app.settings.fields import Settings
from tests.support.line_sessions import Place


@pytest.fixture
def times() -> LineTimes:
    """How long the daemon waits; a test may have others by the mark `parametrize`."""
    return TIMES


@pytest.fixture
async def place(tmp_path: Path, plain_settings: Settings, times: LineTimes) -> AsyncIterator[Place]:
    place = Place(str(tmp_path / "socket"), plain_settings, times)
    await place.sessions.start(unix.listen(place.path))
    try:
        yield place
    finally:
        await place.end()
