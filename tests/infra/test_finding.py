"""A finding, for people and for machines."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict

import pytest

from infra.finding import Finding, failed, skipped, warning


@pytest.mark.parametrize("make", [failed, skipped, warning])
def test_a_finding_has_its_state_as_a_word_and_a_remedy_or_none(make: Callable[..., Finding]) -> None:
    assert json.loads(json.dumps(asdict(make("a", "b", "c")))) == {
        "state": make.__name__,
        "what": "a",
        "found": "b",
        "remedy": "c",
    }
    assert make("a", "b").remedy == ""
