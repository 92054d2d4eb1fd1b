"""The images of a stack: one resource for each image on each engine that uses it."""

from __future__ import annotations

import pytest

from infra.plan import Plan, declared
from infra.selfhost.config import Host, Hosts, ImageNames, Role
from infra.selfhost.hosts import Engines
from infra.selfhost.images import Images
from infra.selfhost.mock_outputs import mock_outputs
from tests.support.components import IMAGE
from tests.support.docker import RECIPES, ROOT, STACK_RECIPES


def plan() -> Plan:
    one, two = (Host(docker=f"ssh://me@10.0.0.{number}", address=f"10.0.0.{number}") for number in (2, 3))

    def program() -> None:
        engines = Engines("memory", Hosts(data=one, app=one, monitoring=two, edge=two))
        images = Images(engines, ImageNames(app="claude-memory:1", node_exporter="node-exporter:2"), {})
        used: tuple[tuple[str, Role], ...] = (
            ("app", "app"),
            ("app", "data"),
            ("app", "edge"),
            ("node_exporter", "edge"),
        )
        for kind, role in used:
            images[kind, engines[role]]

    return declared("test", program, mock_outputs)


def test_an_image_is_declared_once_on_each_engine_that_uses_it() -> None:
    assert {name: one.inputs["name"] for name, one in plan().of_type(IMAGE).items()} == {
        "memory-data-app-image": "claude-memory:1",
        "memory-monitoring-app-image": "claude-memory:1",
        "memory-monitoring-node-exporter-image": "node-exporter:2",
    }


def test_it_is_pulled_by_the_engine_it_is_for() -> None:
    for name, image in plan().of_type(IMAGE).items():
        assert ("memory-data" if "-data-" in name else "memory-monitoring") in image.provider


def test_destroy_leaves_images_on_the_engine() -> None:
    assert all(image.inputs["keepLocally"] is True for image in plan().of_type(IMAGE).values())


@pytest.mark.parametrize("recipe", STACK_RECIPES.values())
def test_tests_have_a_recipe_for_every_image(recipe: str) -> None:
    file = RECIPES / f"{recipe}.Dockerfile"

    assert file.exists(), f"write {file.relative_to(ROOT)}"
