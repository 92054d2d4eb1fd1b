"""What a follower reads from a snapshot."""

from __future__ import annotations

import pytest

from app.memory.change_log import horizon_of


@pytest.mark.parametrize(("snapshot", "horizon"), [("100:100:", 100), ("95:120:95,101,118", 95)])
def test_everything_below_the_oldest_open_transaction_shows(snapshot: str, horizon: int) -> None:
    assert horizon_of(snapshot) == horizon
