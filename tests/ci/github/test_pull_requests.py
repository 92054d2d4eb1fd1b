"""A pull request is found by its newest commit, of forks too."""

from __future__ import annotations

from ci.github.api import Api
from ci.github.pull_requests import with_head
from tests.standins.github.server import REPOSITORY, GitHub


def test_a_branch_of_the_repository_is_found(hub: GitHub, api: Api) -> None:
    hub.pull(3, "abc")

    assert with_head(api, REPOSITORY, "change", "abc") == [3]


def test_a_fork_is_found_by_its_owner_and_branch(hub: GitHub, api: Api) -> None:
    hub.pull(3, "abc", "theirs/claude-memory")
    hub.pull(4, "abc", REPOSITORY)

    assert with_head(api, "theirs/claude-memory", "change", "abc") == [3]


def test_another_repository_of_the_same_owner_is_not_taken_for_it(hub: GitHub, api: Api) -> None:
    hub.pull(3, "abc", "theirs/another-fork")

    assert with_head(api, "theirs/claude-memory", "change", "abc") == []


def test_a_commit_that_is_no_longer_the_newest_has_none(hub: GitHub, api: Api) -> None:
    hub.pull(3, "newer")

    assert with_head(api, REPOSITORY, "change", "abc") == []


def test_several_with_the_same_head_are_all_found_on_all_pages(hub: GitHub, api: Api) -> None:
    for number in (9, 3, 5):
        hub.pull(number, "abc")
    hub.page_size = 2

    assert with_head(api, REPOSITORY, "change", "abc") == [3, 5, 9]


def test_closed_ones_and_those_of_deleted_forks_are_left_out(hub: GitHub, api: Api) -> None:
    hub.pull(3, "abc", state="closed")
    hub.pull(4, "abc", head={"sha": "abc", "ref": "change", "repo": None})

    assert with_head(api, REPOSITORY, "change", "abc") == []
