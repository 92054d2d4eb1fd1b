"""A program that follows its parent into death."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.support.embedded import living, owner
from tests.support.waiting import wait_until


@pytest.mark.skipif(sys.platform != "linux", reason="needs PR_SET_PDEATHSIG")
def test_killed_with_its_owner_it_ends_by_itself(data_dir: Path) -> None:
    first = owner(data_dir)
    assert first.stdout is not None
    with first:
        assert first.stdout.readline().startswith("started")
        assert living(data_dir)
        first.kill()
    wait_until(lambda: not living(data_dir), "its end")
