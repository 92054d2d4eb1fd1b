"""Data volumes: their names, and that they outlive the stack."""

from __future__ import annotations

from typing import Any

import pulumi
import pytest

from infra.selfhost.volumes import data_volume
from tests.support.components import PROVIDER, VOLUME, built


class Owner(pulumi.ComponentResource):
    """What a volume belongs to."""

    def __init__(self) -> None:
        super().__init__("test:Owner", "owner")


def test_its_name_is_fixed_and_begins_with_the_stacks() -> None:
    plan = built(lambda here, there: data_volume("memory-data", here, True, Owner()))

    assert plan.of_type(VOLUME)["memory-data"].inputs["name"] == "test-memory-data"


def test_it_is_on_the_engine_that_it_was_declared_for() -> None:
    plan = built(lambda here, there: data_volume("memory-data", there, True, Owner()))

    assert set(plan.of_type(PROVIDER)) == {"test-data", "test-monitoring"}
    assert "test-monitoring" in plan.of_type(VOLUME)["memory-data"].provider


@pytest.mark.parametrize("keep", [True, False])
def test_destroy_leaves_it_in_place_when_it_is_to_be_kept(keep: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    def volume(resource_name: str, /, **given: Any) -> None:
        seen.append(given["opts"].retain_on_delete)

    monkeypatch.setattr("infra.selfhost.volumes.docker.Volume", volume)
    built(lambda here, there: data_volume("memory-data", here, keep, Owner()))

    assert seen == [keep]
