"""One container that runs until it is stopped: its files, mounts, labels, health, and what replaces it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import pulumi
import pytest

from infra.plan import Plan
from infra.selfhost.config import Limit
from infra.selfhost.health import Health
from infra.selfhost.hosts import Engine
from infra.selfhost.labels import GENERATION
from infra.selfhost.service import HEALTHY_WITHIN_S, Service, ServiceArgs
from infra.selfhost.volumes import data_volume
from tests.support.components import CONTAINER, built, container, environment, files, placed


def plan(volume: bool = False, **changes: Any) -> Plan:
    def declare(here: Engine, there: Engine) -> None:
        volumes = {"/data": data_volume("data", here, True, Owner())} if volume else {}
        args = {"alias": "web", "user": "1:1", "health": Health(command=["true"]), "volumes": volumes, **changes}
        Service("web", ServiceArgs(placement=placed(here), **args))

    return built(declare)


class Owner(pulumi.ComponentResource):
    """What the volume belongs to."""

    def __init__(self) -> None:
        super().__init__("test:Owner", "owner")


def web(**changes: Any) -> Mapping[str, Any]:
    return container(plan(**changes), "web")


@cache
def plain() -> Plan:
    """Return the plan of a service with nothing but what it must have."""
    return plan()


def labels(inputs: Mapping[str, Any]) -> dict[str, str]:
    return {label["label"]: label["value"] for label in inputs["labels"]}


def test_it_gets_the_image_and_the_limit_of_its_placement() -> None:
    inputs = container(plain(), "web")

    assert inputs["image"] == "sha256:image"
    assert (inputs["memory"], inputs["cpus"]) == (100, "0.5")


def test_it_is_hardened() -> None:
    inputs = container(plain(), "web")

    assert inputs["readOnly"] is True
    assert inputs["capabilities"] == {"drops": ["ALL"]}
    assert inputs["user"] == "1:1"


def test_it_starts_again_by_itself_and_is_waited_for_until_it_is_healthy() -> None:
    inputs = container(plain(), "web")

    assert inputs["restart"] == "unless-stopped"
    assert inputs["wait"] is True
    assert inputs["waitTimeout"] == HEALTHY_WITHIN_S
    assert inputs["healthcheck"]["tests"] == ["CMD", "true"]


def test_without_files_it_has_neither_holder_nor_mount_nor_digest() -> None:
    assert list(plain().of_type(CONTAINER)) == ["web"]
    assert container(plain(), "web")["mounts"] == []
    assert "claude-memory.files" not in labels(container(plain(), "web"))


def test_without_a_command_the_image_keeps_its_own() -> None:
    assert "command" not in container(plain(), "web")
    assert web(command=["serve"])["command"] == ["serve"]


def test_it_is_found_by_its_aliases_and_its_labels() -> None:
    inputs = web(more_aliases=("www",))

    assert inputs["networksAdvanced"][0]["aliases"] == ["web", "www"]
    found = labels(inputs)
    assert (found["claude-memory.stack"], found["claude-memory.service"]) == ("test", "web")


@pytest.mark.parametrize(
    "changes",
    [
        {"command": ["serve"]},
        {"environment": {"A": "1"}},
        {"files": {"key": "made-up"}},
        {"health": Health(command=["false"])},
        {"volume": True},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_its_generation_tells_another_version_of_it(changes: dict[str, Any]) -> None:
    assert labels(web(**changes))[GENERATION] != labels(container(plain(), "web"))[GENERATION]


def test_a_limit_that_changes_in_the_running_container_makes_no_other_generation() -> None:
    def declared(memory_mb: int) -> Plan:
        def declare(here: Engine, there: Engine) -> None:
            placement = replace(placed(here), limit=Limit(memory_mb=memory_mb))
            Service("web", ServiceArgs(placement=placement, alias="web", user="1:1", health=Health(command=["true"])))

        return built(declare)

    small, large = (container(declared(size), "web") for size in (64, 128))
    assert small["memory"] != large["memory"]
    assert small["labels"] == large["labels"]


def test_it_has_no_name_of_its_own_so_that_its_successor_can_start_beside_it() -> None:
    assert "name" not in container(plain(), "web")


def test_its_environment_is_in_one_order_so_that_no_preview_shows_a_difference() -> None:
    assert web(environment={"B": "2", "A": "1"})["envs"] == web(environment={"A": "1", "B": "2"})["envs"]
    assert environment(web(environment={"B": "2", "A": "1"})) == {"A": "1", "B": "2"}


def test_its_files_are_mounted_read_only() -> None:
    with_files = plan(files={"key": "made-up"})

    assert files(with_files, "web") == {"key": "made-up"}
    assert container(with_files, "web")["mounts"] == [
        {"source": "web-files", "target": "/run/files", "type": "volume", "readOnly": True}
    ]


@pytest.mark.parametrize("reloaded", [False, True])
def test_changed_files_replace_the_container_unless_it_reloads_them(reloaded: bool) -> None:
    before, after = (labels(web(files={"key": text}, files_reloaded=reloaded)) for text in ("one", "two"))

    assert (before == after) == reloaded


def test_data_is_writable_and_folders_of_the_host_are_not() -> None:
    mounts = web(volume=True, host_folders={"/host": "/"})["mounts"]

    assert mounts == [
        {"source": "test-data", "target": "/data", "type": "volume"},
        {"source": "/", "target": "/host", "type": "bind", "readOnly": True},
    ]


def test_it_can_write_to_its_file_systems_in_memory() -> None:
    assert list(container(plain(), "web")["tmpfs"]) == ["/tmp"]
    assert list(web(scratch={"/run": 8})["tmpfs"]) == ["/run"]


def test_it_has_as_long_to_stop_as_it_needs() -> None:
    inputs = web(stop_s=60)

    assert inputs["stopTimeout"] == inputs["destroyGraceSeconds"] == 60
