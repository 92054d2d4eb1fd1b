"""Machines that run a model, and those that don't."""

from __future__ import annotations

import platform
import sys
from dataclasses import replace
from typing import Any

import pytest

from app.errors import ModelNotAdded
from app.ops.models.machine import ThisMachine
from tests.support.local_model import E5


def test_a_fit_machine_passes(fit: ThisMachine) -> None:
    fit.check(E5)


@pytest.mark.parametrize(
    ("other", "why"),
    [
        pytest.param({"system": "darwin"}, "runs on Linux alone, and this is darwin", id="macOS"),
        pytest.param({"system": "win32"}, "runs on Linux alone, and this is win32", id="Windows"),
        pytest.param({"processor": "aarch64"}, "runs on x86-64 alone, and this is aarch64", id="arm"),
        pytest.param({"libc": None}, "needs glibc, and this system has another C library", id="musl"),
        pytest.param({"features": frozenset({"fma"})}, "needs a processor with avx2,", id="old processor"),
        pytest.param({"features": frozenset()}, "needs a processor with avx2, fma", id="unknown processor"),
    ],
)
def test_on_any_other_it_says_what_is_missing_and_what_works_instead(
    fit: ThisMachine, other: dict[str, Any], why: str
) -> None:
    with pytest.raises(ModelNotAdded, match=f"^e5-small {why}.*; EMBEDDING_MODEL takes a service instead") as refused:
        replace(fit, **other).check(E5)
    assert "\n" not in str(refused.value)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc/cpuinfo")
def test_this_machine_is_looked_at() -> None:
    now = ThisMachine.now()

    assert (now.system, now.processor) == ("linux", platform.machine())
    if platform.machine() == "x86_64":
        assert "sse2" in now.features, "every x86-64 has it"
    if platform.libc_ver()[0] == "glibc":
        assert now.libc is not None
