"""A small model, and quick failures."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.backoff import Backoff
from app.embedding.local.folder import LocalModel
from tests.support.local_model import kept


@pytest.fixture
def local(tmp_path: Path) -> LocalModel:
    """A model in a data directory, which the stand-in runs."""
    return kept(tmp_path)


@pytest.fixture
def backoff() -> Backoff:
    """No wait to speak of."""
    return Backoff(first_s=0.001, longest_s=0.001)
