"""Numbers with what they count."""

from __future__ import annotations

import pytest

from app.counted import counted


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0 backups"), (1, "1 backup"), (1.0, "1 backup"), (2, "2 backups"), (1_200, "1,200 backups")],
)
def test_the_noun_is_singular_for_one_alone(number: float, text: str) -> None:
    assert counted(number, "backup") == text


def test_a_plural_can_be_irregular() -> None:
    assert [counted(number, "memory", "memories") for number in (1, 2)] == ["1 memory", "2 memories"]
