"""What `release` and `rollback` show, and the question they ask."""

from __future__ import annotations

from tests.support.aliyun_stack import RELEASES, Drive, Stack

A, B, *_ = RELEASES


def test_the_shares_before_and_after_are_told_for_machines(stack: Stack, drive: Drive) -> None:
    stack.change(B)
    told = drive("release", "--canary", "25", "--yes", "--no-invoke", "--json").json

    assert [(row["release"], row["share"]) for row in told["before"]] == [(A, 100)]
    assert [(row["release"], row["share"], row["note"]) for row in told["after"]] == [
        (B, 25, "canary"),
        (A, 75, "serving"),
    ]
    assert told["invoke"] == []
