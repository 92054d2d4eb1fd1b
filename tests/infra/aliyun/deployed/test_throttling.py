"""Which failures come from too many requests."""

from __future__ import annotations

import pytest

from infra.aliyun.deployed.throttling import is_throttled


@pytest.mark.parametrize(
    "printed", ["ErrorCode: ResourceThrottled, StatusCode: 429", "TooManyRequests", "Throttling.User", "429 Too Many"]
)
def test_too_many_requests_are_known_by_their_words(printed: str) -> None:
    assert is_throttled(f"error: creating a function: {printed}")


@pytest.mark.parametrize("printed", ["", "error: 403 AccessDenied", "release 429 is up", "created 429 things"])
def test_other_output_is_none_of_it(printed: str) -> None:
    assert not is_throttled(printed)
