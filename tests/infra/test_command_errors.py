"""What is near a name that there is not."""

from __future__ import annotations

import pytest

from infra.command_errors import meant


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("wbe", "; did you mean web?"),
        ("WEB", "; did you mean web?"),
        ("workers", "; did you mean worker?"),
        ("something else", ""),
    ],
)
def test_a_near_name_is_offered(name: str, said: str) -> None:
    assert meant(name, ["web", "worker", "qdrant"]) == said


def test_a_name_must_be_as_near_as_is_asked_for() -> None:
    assert meant("QDRANT__KEY", ["QDRANT_API_KEY"]) == "; did you mean QDRANT_API_KEY?"
    assert meant("QDRANT__KEY", ["QDRANT_API_KEY"], nearness=0.9) == ""
