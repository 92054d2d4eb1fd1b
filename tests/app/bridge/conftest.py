"""A data directory, and the bridges and daemons of one test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.bridges import Machine, machine_at


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture
def machine(data_dir: Path) -> Iterator[Machine]:
    with machine_at(data_dir) as machine:
        yield machine
