"""`up`, `release` and `rollback` recover first."""

from __future__ import annotations

import pytest

from tests.infra.aliyun.recovery.test_recovery import ROLE
from tests.support.aliyun_stack import RELEASES, Drive, Stack


@pytest.mark.parametrize("words", [("up",), ("release", "--no-invoke"), ("rollback", "--no-invoke")])
def test_what_an_interrupted_up_made_is_taken_over_first(words: tuple[str, ...], stack: Stack, drive: Drive) -> None:
    stack.change(RELEASES[1])
    assert drive("release", "--yes", "--no-invoke").status == 0
    stack.interrupt(ROLE)
    ran = drive(*words, "--yes")

    assert ran.status == 0, ran.said
    assert "1 of 1 are there and in the state now; the next `up` makes the rest" in ran.err
    calls = [call[0] for call in stack.state["calls"]]
    assert "up" in calls[calls.index("refresh") :]
