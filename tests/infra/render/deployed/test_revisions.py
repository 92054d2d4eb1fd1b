"""What a deploy runs, and times, in words."""

from __future__ import annotations

from typing import Any

import pytest

from infra.render.deployed.revisions import revision, span, took, when

_SHA = "sha256:88b3388ea0"


@pytest.mark.parametrize(
    ("deploy", "words"),
    [
        pytest.param({"commit": {"id": "59bb07278c91", "message": "Fix it\n\nWhy"}}, "59bb072 Fix it", id="commit"),
        pytest.param({"commit": {"id": "59bb07278c91"}}, "59bb072", id="no message"),
        pytest.param({"commit": {"id": "59bb072", "message": "\x1b[31mred"}}, "59bb072 red", id="colours"),
        pytest.param(
            {"commit": None, "image": {"ref": "docker.io/a/b:1", "sha": "sha256:88b3388ea0"}}, "b:1 88b3388", id="image"
        ),
        pytest.param({"image": {"ref": "a/b@sha256:88b3388ea0", "sha": _SHA}}, "b@sha256:88b3388ea0", id="digest"),
        pytest.param({"commit": None}, "-", id="nothing"),
    ],
)
def test_a_deploy_is_named_by_what_it_runs(deploy: dict[str, Any], words: str) -> None:
    assert revision(deploy) == words


@pytest.mark.parametrize(("length_s", "words"), [(0.4, "0 s"), (59, "59 s"), (61, "1:01 min"), (7_260, "2:01 h")])
def test_lengths_of_time(length_s: float, words: str) -> None:
    assert span(length_s) == words


def test_times_that_are_not_there_are_a_dash() -> None:
    assert (when(None), took({}), when("2026-11-03T18:42:11.123456789Z")) == ("-", "-", "2026-11-03 18:42")
