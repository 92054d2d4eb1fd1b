"""Homes with and without MCP clients."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.clients.install import Machine
from tests.support.clients import machine_with_all_clients


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A home with every client in use, each with other servers."""
    return machine_with_all_clients(tmp_path)


@pytest.fixture
def empty(tmp_path: Path) -> Machine:
    """A home with no client."""
    return Machine("linux", tmp_path, {}, tmp_path)
