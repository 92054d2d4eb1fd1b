"""`release`: all at once, a share first, the canary to all; what is written, and what is shown."""

from __future__ import annotations

import pytest

from tests.support.aliyun_stack import RELEASES, Drive, Stack

A, B, C, D = RELEASES
THROTTLED = "error: ErrorCode: ResourceThrottled, StatusCode: 429"


def go(drive: Drive, *arguments: str, status: int = 0) -> str:
    ran = drive(*arguments, "--yes", "--no-invoke")
    assert ran.status == status, ran.said
    return ran.said


def test_a_release_gets_all_requests_and_the_one_before_is_kept(stack: Stack, drive: Drive) -> None:
    stack.change(B)

    said = go(drive, "release")

    assert (stack.shares, stack.release) == ({B: 100}, {"keep": [A]})
    assert f"Before: release version share {'─' * 3}" in said
    assert f"{A} 1 100 % serving" in said
    assert "After:" in said
    assert f"{B} 2 100 % serving {A} 1 0 % kept" in said


def test_the_last_three_are_kept(stack: Stack, drive: Drive) -> None:
    for code in (B, C, D, "0000000000e5"):
        stack.change(code)
        go(drive, "release")

    assert stack.release == {"keep": [D, C, B]}
    go(drive, "release", "--keep", "1")
    assert stack.release == {"keep": ["0000000000e5"]}


def test_a_canary_gets_its_share_then_more_then_all(stack: Stack, drive: Drive) -> None:
    stack.change(B)
    go(drive, "release", "--canary", "10")
    assert stack.shares == {A: 90, B: 10}

    go(drive, "release", "--canary", "50")
    assert stack.shares == {A: 50, B: 50}

    go(drive, "release", "--promote")
    assert stack.shares == {B: 100}
    assert stack.release == {"keep": [A]}


def test_promoting_releases_the_canary_as_it_is_though_the_checkout_has_changed(stack: Stack, drive: Drive) -> None:
    stack.change(B)
    go(drive, "release", "--canary", "10")
    stack.change(C)

    said = go(drive, "release", "--promote")

    assert stack.shares == {B: 100}
    assert stack.release["serving"] == B
    assert f"has changed since its release, to {C}" in said
    go(drive, "release")
    assert (stack.shares, stack.release) == ({C: 100}, {"keep": [B, A]})


def test_a_canary_of_nothing_new_changes_nothing(stack: Stack, drive: Drive) -> None:
    assert "nothing is new" in go(drive, "release", "--canary", "10")
    assert (stack.shares, stack.release.get("serving")) == ({A: 100}, None)


def test_promoting_without_a_canary_is_wrong_usage(stack: Stack, drive: Drive) -> None:
    assert "there is no canary" in go(drive, "release", "--promote", status=2)
    assert stack.ups == 0


def test_429_is_waited_for(stack: Stack, drive: Drive, waits: list[float]) -> None:
    stack.change(B)
    stack.fail(THROTTLED, THROTTLED)

    assert "runs again in" in go(drive, "release")
    assert (stack.ups, len(waits), stack.shares) == (3, 2, {B: 100})


def test_a_deploy_that_fails_leaves_the_requests_where_they_are_and_up_goes_on(stack: Stack, drive: Drive) -> None:
    stack.change(B)
    stack.fail("error: no quota")
    assert "correct what it says above" in go(drive, "release", status=1)
    assert stack.shares == {A: 100}

    assert drive("up", "--yes").status == 0
    assert stack.shares == {B: 100}


def test_without_a_terminal_it_wants_yes(stack: Stack, drive: Drive) -> None:
    ran = drive("release", "--no-invoke")

    assert (ran.status, "give --yes" in ran.err, stack.ups) == (2, True, 0)


def test_the_memory_is_used_after_the_release(deployed: Stack, drive: Drive) -> None:
    deployed.change(B)
    ran = drive("release", "--yes", "--json")

    assert (ran.status, [trip["error"] for trip in ran.json["invoke"]]) == (0, ["", ""])
    assert [row["release"] for row in ran.json["after"]] == [B, A]


def test_a_memory_that_does_not_work_afterwards_is_status_1(stack: Stack, drive: Drive) -> None:
    stack.change(B)
    ran = drive("release", "--yes")

    assert (ran.status, stack.shares) == (1, {B: 100})


@pytest.mark.parametrize("answer", ["n\n", "\n", ""])
def test_only_yes_is_yes(answer: str, stack: Stack, drive: Drive, monkeypatch: pytest.MonkeyPatch) -> None:
    from infra.aliyun.driver import releasing

    class Terminal:
        def isatty(self) -> bool:
            return True

        def readline(self) -> str:
            return answer

    monkeypatch.setattr(releasing, "ask_at", Terminal)
    ran = drive("release", "--no-invoke")

    assert (ran.status, stack.ups, stack.release) == (1, 0, {})
