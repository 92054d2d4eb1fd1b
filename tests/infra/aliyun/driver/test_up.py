"""`up`: `pulumi up`, repeated on 429."""

from __future__ import annotations

from tests.support.aliyun_stack import Drive, Stack


def test_it_says_how_often_it_ran(stack: Stack, drive: Drive) -> None:
    stack.fail("TooManyRequests")
    ran = drive("up", "--yes")

    assert (ran.status, ran.out) == (0, "aliyun is up, after 2 tries\n")


def test_another_stack_is_named(stack: Stack, drive: Drive) -> None:
    (stack.folder / "Pulumi.other.yaml").write_text(stack.file.read_text(encoding="utf-8"), encoding="utf-8")

    assert drive("up", "--stack", "other", "--yes").status == 0
    assert "other" in next(call for call in stack.state["calls"] if call[0] == "up")
