"""`rollback`: an earlier release gets all requests, and one can go forward again."""

from __future__ import annotations

import pytest

from tests.support.aliyun_stack import RELEASES, Drive, Stack

A, B, C, D = RELEASES


@pytest.fixture
def three(stack: Stack, drive: Drive) -> Stack:
    """A stack with three releases."""
    for code in (B, C):
        stack.change(code)
        assert drive("release", "--yes", "--no-invoke").status == 0
    return stack


def go(drive: Drive, *arguments: str, status: int = 0) -> str:
    ran = drive("rollback", *arguments, "--yes", "--no-invoke")
    assert ran.status == status, ran.said
    return ran.said


def test_the_release_before_serves_again_and_nothing_is_published(three: Stack, drive: Drive) -> None:
    go(drive)

    assert three.shares == {B: 100}
    assert three.state["versions"] == 3
    assert set(three.state["outputs"]["releases"]) == {A, B, C}


def test_twice_is_two_releases_back_and_a_name_goes_forward(three: Stack, drive: Drive) -> None:
    go(drive)
    go(drive)
    assert three.shares == {A: 100}

    go(drive, C)
    assert three.shares == {C: 100}


def test_a_rollback_holds_when_the_checkout_changes(three: Stack, drive: Drive) -> None:
    go(drive)
    three.change(D)
    assert drive("up", "--yes").status == 0

    assert three.shares == {B: 100}
    assert D not in three.state["outputs"]["releases"]


def test_a_release_that_is_not_there_is_refused_before_anything(three: Stack, drive: Drive) -> None:
    ups = three.ups

    assert f"the stack has no release {D}" in go(drive, D, status=2)
    assert three.ups == ups


def test_a_canary_is_taken_back(three: Stack, drive: Drive) -> None:
    three.change(D)
    assert drive("release", "--canary", "10", "--yes", "--no-invoke").status == 0
    go(drive)

    assert three.shares == {C: 100}
