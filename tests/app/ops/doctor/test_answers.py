"""How `claude-memory doctor` judges what a server answered."""

from __future__ import annotations

import pytest

from app.ops.doctor.answers import check_lag


@pytest.mark.parametrize(("changes", "seconds", "state"), [(9_000, 5.0, "ok"), (1, 61.0, "warning"), (0, 0.0, "ok")])
def test_only_an_old_lag_is_a_warning(changes: int, seconds: float, state: str) -> None:
    numbers = {"index_lag_changes": changes, "index_lag_seconds": seconds, "memories": 10_000}

    assert check_lag(numbers, "rebuild it").state == state
