"""Probes: a real round trip to each component, and what is said when there is none."""

from __future__ import annotations

import pytest

from app.runtime import probes
from app.runtime.runtime import Runtime
from app.settings.fields import Settings


@pytest.mark.parametrize(
    ("name", "counts", "detail"),
    [("postgres", True, "answered"), ("index", True, "0 points"), ("index", False, "answered")],
)
async def test_a_component_that_answers_is_ok(runtime: Runtime, name: str, counts: bool, detail: str) -> None:
    answer = await runtime.probe(name, counts=counts)

    assert (answer["ok"], answer["detail"]) == (True, detail)
    assert answer["milliseconds"] > 0


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("postgres", "PostgreSQL is not connected yet"),
        ("index", "the index is not open yet"),
        ("embeddings", "no embedding model is set (EMBEDDING_MODEL); search goes by words alone"),
        ("memu", "no memU: set MEMU_API_KEY"),
    ],
)
async def test_what_is_not_there_says_so(plain_settings: Settings, name: str, why: str) -> None:
    answer = await probes.probe(name, plain_settings, None, counts=True)

    assert (answer["ok"], answer["detail"]) == (False, why)


async def test_a_component_that_hangs_is_given_up(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "_TIMEOUT_S", 0.0)

    assert (await runtime.probe("postgres"))["detail"] == "no answer within 0 s"
