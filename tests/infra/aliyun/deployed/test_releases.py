"""Which releases get the requests: what has to be written for each step, and that only names that exist are."""

from __future__ import annotations

from typing import Any

import pytest

from infra.aliyun.config import Release
from infra.aliyun.deployed.outputs import Outputs
from infra.aliyun.deployed.releases import Wanted, canary, full, promoted, rolled_back, rows, settings
from infra.command_errors import WrongUsage
from tests.support.aliyun_stack import RELEASES

A, B, C, D = RELEASES


def stack(serving: str, release: str | None = None, canary: int = 0, **versions: Any) -> Outputs:
    """Return outputs; versions: by the last letters of a release's name."""
    named = {next(one for one in RELEASES if one.endswith(end)): number for end, number in versions.items()}
    return Outputs(
        url="https://x",
        region="r",
        account_id="1",
        function="f",
        log_project="p",
        log_store="s",
        release=release or serving,
        serving=serving,
        canary=canary,
        releases=named or {serving: "1"},
    )


THREE: dict[str, Any] = {"a1": "1", "b2": "2", "c3": "10"}


def test_releases_are_shown_newest_first_with_their_shares() -> None:
    found = rows(stack(B, C, 10, **THREE))

    assert [(row.release, row.share, row.note) for row in found] == [
        (C, 10, "canary"),
        (B, 90, "serving"),
        (A, 0, "kept"),
    ]


def test_a_full_release_keeps_the_one_that_served_and_the_newest_others() -> None:
    assert full(stack(C, **THREE), 2) == Wanted(keep=(C, B))
    assert full(stack(C, **THREE), 9) == Wanted(keep=(C, B, A))


def test_a_canary_leaves_the_serving_release_where_it_is() -> None:
    assert canary(stack(C, **THREE), 10, 3) == Wanted(C, 10, (C, B, A))


def test_a_second_canary_takes_the_place_of_the_first() -> None:
    assert canary(stack(B, C, 10, **THREE), 50, 3) == Wanted(B, 50, (B, A))


def test_promoting_gives_the_canary_everything_and_keeps_what_served() -> None:
    assert promoted(stack(B, C, 10, **THREE), 1) == Wanted(C, None, (B, C))


def test_promoting_without_a_canary_is_refused() -> None:
    with pytest.raises(WrongUsage, match="there is no canary"):
        promoted(stack(C, **THREE), 3)


def test_rolling_back_goes_to_the_release_before_and_keeps_the_present_one() -> None:
    assert rolled_back(stack(C, **THREE), None, 3) == Wanted(B, None, (C, B, A))


def test_rolling_back_twice_goes_two_releases_back() -> None:
    assert rolled_back(stack(B, C, **THREE), None, 3).serving == A


def test_rolling_back_during_a_canary_takes_its_share_away() -> None:
    assert rolled_back(stack(B, C, 10, **THREE), None, 3) == Wanted(B, None, (B, A))


def test_a_named_release_is_gone_to_forwards_as_well() -> None:
    assert rolled_back(stack(A, C, **THREE), C, 3).serving == C


@pytest.mark.parametrize("release", [D, "0000000000b3", "latest"])
def test_a_release_that_is_not_there_is_refused_since_the_present_code_would_get_its_name(release: str) -> None:
    with pytest.raises(WrongUsage, match=f"the stack has no release {release}.*it has {C}, {B}, {A}"):
        rolled_back(stack(C, **THREE), release, 3)


def test_the_first_release_has_none_before_it() -> None:
    with pytest.raises(WrongUsage, match="there is no release before"):
        rolled_back(stack(A), None, 3)


def test_the_release_that_serves_is_not_gone_back_to() -> None:
    with pytest.raises(WrongUsage, match="serves already"):
        rolled_back(stack(C, **THREE), C, 3)


@pytest.mark.parametrize("wanted", [Wanted(), Wanted(keep=(A, B)), Wanted(A, 10, (A,)), Wanted(B, None, (C, B))])
@pytest.mark.parametrize("present", [{}, {"serving": A, "canary": 5, "keep": [A, B, C]}, {"serving": A, "keep": [D]}])
def test_the_key_says_what_is_wanted_and_is_valid_at_each_moment(wanted: Wanted, present: dict[str, Any]) -> None:
    key: dict[str, Any] = {"keep": list(present.get("keep", [])), **{k: v for k, v in present.items() if k != "keep"}}
    put, gone = settings(wanted, present)
    for path, value in put.items():
        name = path.removeprefix("release.").partition("[")[0]
        if name == "keep":
            key["keep"][int(path[13:-1]) : int(path[13:-1]) + 1] = [value]
        else:
            key[name] = int(value) if name == "canary" else value
        Release.model_validate(key)
    for path in gone:
        name = path.removeprefix("release.").partition("[")[0]
        if name == "keep":
            del key["keep"][int(path[13:-1])]
        else:
            del key[name]
        Release.model_validate(key)

    assert Release.model_validate(key) == Release(serving=wanted.serving, canary=wanted.canary, keep=wanted.keep)
