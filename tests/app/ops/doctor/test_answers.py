"""How `claude-memory doctor` judges what a server answered."""

from __future__ import annotations

import pytest

from app.clients.conversation import ServerAnswers
from app.ops.doctor.answers import check_lag, check_search


@pytest.mark.parametrize(("changes", "seconds", "state"), [(9_000, 5.0, "ok"), (1, 61.0, "warning"), (0, 0.0, "ok")])
def test_only_an_old_lag_is_a_warning(changes: int, seconds: float, state: str) -> None:
    numbers = {"index_lag_changes": changes, "index_lag_seconds": seconds, "memories": 10_000}

    assert check_lag(numbers, "rebuild it").state == state


def test_a_search_without_memu_is_told_apart_from_one_without_the_index() -> None:
    def answered(reason: str | None) -> ServerAnswers:
        return ServerAnswers("claude-memory 1", "2025-11-25", 6, {}, True, "", reason)

    assert check_search(answered(None), "rebuild it").found == "search_memory was answered without the index"
    away = check_search(answered("api.memu.so refuses the key (401); check MEMU_API_KEY"), "rebuild it")
    assert away.found.endswith("without memU: api.memu.so refuses the key (401)")
    assert away.remedy == "check MEMU_API_KEY"
