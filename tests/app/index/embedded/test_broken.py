"""Errors of the index's files: only a full disk leaves the index intact."""

from __future__ import annotations

import errno

import pytest

from app.errors import IndexUnavailable
from app.index.embedded.broken import broken
from app.index.embedded.lists import Damaged
from app.index.engine import EngineAway


@pytest.mark.parametrize("error", [OSError(errno.EIO, "why"), Damaged("a file is damaged")])
def test_what_makes_the_index_useless_says_that_it_is_rebuilt(error: Exception) -> None:
    with pytest.raises(IndexUnavailable, match=r"failed to save.*; it will be rebuilt") as raised, broken("save"):
        raise error

    assert not isinstance(raised.value, EngineAway)


def test_a_full_disk_is_waited_for() -> None:
    with pytest.raises(EngineAway, match="failed to save: no space left"), broken("save"):
        raise OSError(errno.ENOSPC, "why")


def test_other_errors_pass() -> None:
    with pytest.raises(ZeroDivisionError), broken("save"):
        raise ZeroDivisionError
