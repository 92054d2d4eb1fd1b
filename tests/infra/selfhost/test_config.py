"""The keys of a selfhost stack: what they take, and how hosts are put together from roles."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from infra.selfhost.config import Host, Hosts, ImageNames, Limits, Ports, QdrantConfig, SelfhostConfig
from tests.support.stacks import SECRETS

ONE, TWO, THREE = "ssh://me@10.0.0.2", "ssh://me@10.0.0.3", "ssh://me@10.0.0.4"


def config(**others: Any) -> SelfhostConfig:
    return SelfhostConfig.model_validate({"images": {"app": "claude-memory:test"}, **SECRETS, **others})


def refusal(model: Any, **given: Any) -> str:
    """Return the only reason why a model refuses what is given."""
    with pytest.raises(ValidationError) as refused:
        model(**given)
    [error] = refused.value.errors()
    return str(error["msg"])


@pytest.mark.parametrize("docker", ["unix:///var/run/docker.sock", "ssh://me@host", "ssh://me@host:22", "tcp://h:2376"])
def test_an_engine_is_named_by_socket_ssh_or_tcp(docker: str) -> None:
    assert Host(docker=docker).docker == docker


@pytest.mark.parametrize("docker", ["10.0.0.2", "ssh://host", "unix://", "http://host", "ssh://me@ host"])
def test_any_other_address_of_an_engine_is_refused_with_the_forms_it_may_have(docker: str) -> None:
    assert "takes unix:///PATH, ssh://USER@HOST[:PORT] or tcp://HOST:PORT" in refusal(Host, docker=docker)


@pytest.mark.parametrize(
    "image", ["caddy:2", "registry.example.org:5000/caddy:2", f"caddy@sha256:{'a' * 64}", f"caddy:2@sha256:{'0' * 64}"]
)
def test_an_image_has_a_tag_or_a_digest(image: str) -> None:
    assert ImageNames(app=image).app == image


@pytest.mark.parametrize("image", ["caddy", "caddy:2@sha256:12", "Caddy 2"])
def test_an_image_that_can_change_or_be_misread_is_refused(image: str) -> None:
    assert "takes NAME:TAG" in refusal(ImageNames, app=image)


@pytest.mark.parametrize("password", ["short", "x" * 15, "p@ssword-with-an-at-sign", "spaces in the password"])
def test_a_password_that_is_weak_or_needs_quoting_is_refused(password: str) -> None:
    given = {"images": {"app": "a:1"}, **SECRETS, "postgresPassword": password}

    assert "takes 16 or more letters" in refusal(SelfhostConfig, **given)


def test_without_hosts_all_roles_are_on_the_local_engine() -> None:
    assert list(config().hosts.by_engine()) == ["unix:///var/run/docker.sock"]


def test_what_one_role_sets_applies_to_all_roles_of_its_host() -> None:
    hosts = Hosts(
        data=Host(docker=ONE),
        app=(Host(docker=ONE, address="10.0.0.2", memory_mb=8_192),),
        monitoring=Host(docker=TWO, address="10.0.0.3"),
        edge=Host(docker=TWO),
    )

    host, roles, name = hosts.by_engine()[ONE]
    assert (host.address, host.memory_mb, roles, name) == ("10.0.0.2", 8_192, ("data", "app"), "data")
    assert hosts.by_engine()[TWO].roles == ("monitoring", "edge")


def test_the_app_may_have_several_hosts_and_one_alone_is_a_list_of_one() -> None:
    one, two, three = (
        {"docker": engine, "address": f"10.0.0.{number}"} for number, engine in enumerate((ONE, TWO, THREE), start=2)
    )
    hosts = Hosts.model_validate({"data": one, "app": [one, two, three], "monitoring": two, "edge": two})

    assert [host.docker for host in hosts.of("app")] == [ONE, TWO, THREE]
    assert [host.docker for host in hosts.of("edge")] == [TWO]
    assert {engine: found.name for engine, found in hosts.by_engine().items()} == {
        ONE: "data",
        TWO: "monitoring",
        THREE: "app-3",
    }
    assert Hosts.model_validate({"app": {"memoryMb": 2_048}}).app == (Host(memory_mb=2_048),)


def test_a_host_of_the_app_is_named_once() -> None:
    one = Host(docker=ONE, address="10.0.0.2")

    assert f"app: names {ONE} twice" in refusal(Hosts, app=(one, one))
    assert "at least 1" in refusal(Hosts, app=())


def test_roles_of_one_host_must_not_differ() -> None:
    problem = refusal(Hosts, data=Host(docker=ONE, memory_mb=4_096), edge=Host(docker=ONE, memory_mb=8_192))

    assert f"data, edge share {ONE}, but differ in memoryMb" in problem


def test_several_hosts_need_an_address_each() -> None:
    one = Host(docker=ONE, address="10.0.0.2")
    problem = refusal(Hosts, data=one, app=one, monitoring=one, edge=Host(docker=TWO))

    assert "several hosts need an address each in their private network; edge have none" in problem


def test_ports_are_ports() -> None:
    assert "less than or equal to 65535" in refusal(Ports, http=65_536)
    assert "greater than or equal to 1" in refusal(Ports, http=0)


def test_no_two_ports_are_the_same_by_default() -> None:
    ports = list(Ports().model_dump().values())

    assert len(set(ports)) == len(ports)


@pytest.mark.parametrize("nodes", [1, 3, 9])
def test_qdrant_runs_on_one_node_or_on_enough_for_a_majority(nodes: int) -> None:
    assert QdrantConfig(nodes=nodes).nodes == nodes


def test_two_nodes_of_qdrant_are_refused_with_the_reason() -> None:
    assert "no majority" in refusal(QdrantConfig, nodes=2)


def test_grafana_needs_a_password() -> None:
    with pytest.raises(ValidationError, match="grafana: needs grafanaPassword"):
        config(grafana=True)
    assert config(grafana=True, grafanaPassword="made-up-password-of-grafana").grafana


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ({}, None),
        ({"domain": "memory.example.org"}, "https://memory.example.org"),
        ({"domain": "memory.example.org", "ports": {"https": 8444}}, "https://memory.example.org:8444"),
    ],
)
def test_the_public_url_has_a_port_only_if_it_is_unusual(given: dict[str, Any], url: str | None) -> None:
    assert config(**given).public_url == url


def test_a_small_host_can_hold_the_default_limits() -> None:
    limits = [limit for limit in Limits().model_dump().values() if limit is not None]

    assert sum(limit["memory_mb"] for limit in limits) < 4_096


def test_no_secret_is_printed() -> None:
    printed = f"{config()!r} {config().model_dump_json()}"

    assert not [value for value in SECRETS.values() if value in printed]
    assert json.loads(config().model_dump_json())["postgres_password"] == "**********"


def test_a_user_of_a_service_for_series_needs_a_password() -> None:
    given = {"url": "https://metrics.example.org/push", "username": "me"}

    with pytest.raises(ValidationError, match="remoteWrite: its username needs remoteWritePassword"):
        config(remoteWrite=given)
    assert config(remoteWrite=given, remoteWritePassword="made-up").remote_write is not None


def test_a_password_in_the_url_of_a_service_is_refused() -> None:
    with pytest.raises(ValidationError, match="without user:password@"):
        config(remoteWrite={"url": "https://me:made-up@metrics.example.org/push"})


def test_the_service_that_is_called_while_alerting_works_has_a_url() -> None:
    with pytest.raises(ValidationError, match="takes a URL"):
        config(watchdogUrl="watch.example.org")


def test_a_standby_is_on_a_host_of_its_own() -> None:
    one, two = Host(docker=ONE, address="10.0.0.2"), Host(docker=TWO, address="10.0.0.3")
    hosts = Hosts(data=one, app=(one,), monitoring=two, edge=two, standby=two)

    assert hosts.of("standby") == (two,)
    assert hosts.by_engine()[TWO].roles == ("monitoring", "edge", "standby")
    assert Hosts().of("standby") == ()
    assert "belongs on another host than data" in refusal(
        Hosts, data=one, app=(one,), monitoring=two, edge=two, standby=one
    )
