"""The files of a receiver, in a folder of the test's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.alerts.journal import Journal
from app.alerts.outbox import Outbox
from app.measuring import Metrics


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    """An empty outbox."""
    outbox = Outbox(tmp_path)
    yield outbox
    outbox.close()


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    """An empty log."""
    return Journal(tmp_path, 1_000_000, 3)


@pytest.fixture
def metrics() -> Metrics:
    """Numbers that start at zero."""
    return Metrics()
