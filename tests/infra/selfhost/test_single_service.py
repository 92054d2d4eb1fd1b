"""The base of services of one container: its port, its data volumes, its reload, its type."""

from __future__ import annotations

from typing import Any

import pytest

from infra.plan import Plan
from infra.selfhost.health import Health
from infra.selfhost.hosts import Engine, Listener
from infra.selfhost.service import ServiceArgs
from infra.selfhost.single_service import SingleService
from tests.support.components import CONTAINER, HERE, VOLUME, built, container, data_mounts, placed


class Lighthouse(SingleService):
    """A service of the tests."""


def plan(elsewhere: bool = False, reload: bool = False, **more: Any) -> Plan:
    def declare(here: Engine, there: Engine) -> None:
        Lighthouse(
            "lighthouse",
            ServiceArgs(
                placement=placed(here, 7001),
                alias="light",
                user="1:1",
                health=Health(command=["true"]),
                files={"lamp.yml": "bright"},
                files_reloaded=reload,
            ),
            port=7000,
            users=[there] if elsewhere else [here],
            reload_image_id="sha256:app" if reload else None,
            **more,
        )

    return built(declare)


def test_its_type_has_the_name_of_its_class() -> None:
    assert "lighthouse" in plan().of_type("claude-memory:selfhost:Lighthouse")


def test_its_listener_is_its_alias_and_its_port() -> None:
    found: list[Listener] = []

    def declare(here: Engine, there: Engine) -> None:
        args = ServiceArgs(placement=placed(here, 7001), alias="light", user="1:1", health=Health(command=["true"]))
        found.append(Lighthouse("lighthouse", args, port=7000).listener)

    built(declare)

    [listener] = found
    assert listener.seen_from(listener.engine) == "light:7000"
    assert listener.local_url == "http://127.0.0.1:7001"


@pytest.mark.parametrize(
    ("elsewhere", "operator", "addresses"),
    [(False, False, []), (True, False, [HERE]), (False, True, ["127.0.0.1"]), (True, True, [HERE, "127.0.0.1"])],
)
def test_its_port_is_published_for_users_elsewhere_and_the_operator(
    elsewhere: bool, operator: bool, addresses: list[str]
) -> None:
    ports = container(plan(elsewhere=elsewhere, operator=operator), "lighthouse")["ports"]

    assert [(port["ip"], port["external"], port["internal"]) for port in ports] == [
        (address, 7001, 7000) for address in addresses
    ]


def test_it_has_the_data_volumes_it_asks_for_and_no_others() -> None:
    with_data = plan(data={"/data": "data", "/log": "log"})

    assert data_mounts(container(with_data, "lighthouse")) == {
        "/data": "test-lighthouse-data",
        "/log": "test-lighthouse-log",
    }
    assert not [name for name in plan().of_type(VOLUME) if name != "lighthouse-files"]


def test_a_reload_is_posted_only_for_a_service_that_takes_one() -> None:
    assert container(plan(reload=True), "lighthouse-reload")["command"] == ["http://light:7000/-/reload"]
    assert set(plan().of_type(CONTAINER)) == {"lighthouse", "lighthouse-files"}
