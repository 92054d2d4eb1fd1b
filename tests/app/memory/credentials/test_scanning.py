from __future__ import annotations

import re

import pytest

from app.memory.credentials.scanning import WINDOW, found


@pytest.mark.parametrize("length", [10, WINDOW, WINDOW + 1, 3 * WINDOW])
def test_windows_yield_what_the_whole_would(length: int) -> None:
    text = ("ab " * length)[:length]
    pattern = re.compile("(?<![a-z])ab?")

    assert [match.span() for match in found(pattern, text)] == [match.span() for match in pattern.finditer(text)]
