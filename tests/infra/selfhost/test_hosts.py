"""The engines of a stack, and how a port is reached from each."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from infra.plan import Plan, declared
from infra.selfhost.config import Host, Hosts
from infra.selfhost.hosts import Engine, Engines, Listener
from infra.selfhost.mock_outputs import mock_outputs
from tests.support.components import HERE, NETWORK, PROVIDER, built

ONE = Host(docker="ssh://me@one.example.org", address="10.0.0.2", ssh_options=("-i", "key"))
SIX = Host(docker="ssh://me@six.example.org", address="fd00::2")
TWO = Host(docker="tcp://two.example.org:2376", address="10.0.0.3")


@cache
def engines(hosts: Hosts) -> tuple[Plan, tuple[str, ...]]:
    """Return what a stack on these hosts declares, and the names of its engines."""
    names: list[str] = []

    def program() -> None:
        made = Engines("memory", hosts)
        names.extend(engine.name for engine in made.all)
        assert made["data"] is made["app"]

    return declared("test", program, mock_outputs), tuple(names)


def listened(*, published_to: str, operator: bool = False) -> list[Any]:
    """Return what a listener on the first engine publishes for users on one or both."""
    found: list[Any] = []

    def declare(here: Engine, there: Engine) -> None:
        listener = Listener(engine=here, alias="store", internal=6333, published=7000)
        users = {"here": [here], "there": [there], "both": [here, there], "no one": []}[published_to]
        found.extend((port.ip, port.external, port.internal) for port in listener.binds(*users, operator=operator))

    built(declare)
    return found


def test_roles_with_the_same_address_share_an_engine_named_after_the_first() -> None:
    _, names = engines(Hosts(data=ONE, app=ONE, monitoring=TWO, edge=TWO))

    assert names == ("memory-data", "memory-monitoring")


def test_each_engine_has_a_provider_and_a_network() -> None:
    plan, names = engines(Hosts(data=ONE, app=ONE, monitoring=TWO, edge=TWO))

    assert {name: one.inputs["host"] for name, one in plan.of_type(PROVIDER).items()} == {
        "memory-data": ONE.docker,
        "memory-monitoring": TWO.docker,
    }
    assert set(plan.of_type(NETWORK)) == set(names)
    assert all("name" not in one.inputs for one in plan.of_type(NETWORK).values()), "two stacks may share an engine"


def test_options_of_ssh_are_given_where_ssh_is_used() -> None:
    plan, _ = engines(Hosts(data=ONE, app=ONE, monitoring=TWO, edge=TWO))

    assert "sshOpts" in plan.of_type(PROVIDER)["memory-data"].inputs
    assert "sshOpts" not in plan.of_type(PROVIDER)["memory-monitoring"].inputs


def test_a_port_is_reached_by_alias_on_its_engine_and_by_address_from_another() -> None:
    found: list[str] = []

    def declare(here: Engine, there: Engine) -> None:
        listener = Listener(engine=here, alias="store", internal=6333, published=7000)
        found.extend([listener.seen_from(here), listener.seen_from(there), listener.local_url])

    built(declare)

    assert found == ["store:6333", f"{HERE}:7000", "http://127.0.0.1:7000"]


@pytest.mark.parametrize(
    ("users", "operator", "published"),
    [
        ("no one", False, []),
        ("here", False, []),
        ("there", False, [(HERE, 7000, 6333)]),
        ("both", False, [(HERE, 7000, 6333)]),
        ("no one", True, [("127.0.0.1", 7000, 6333)]),
        ("there", True, [(HERE, 7000, 6333), ("127.0.0.1", 7000, 6333)]),
    ],
)
def test_a_port_is_published_only_for_users_elsewhere_and_the_operator(
    users: str, operator: bool, published: list[Any]
) -> None:
    assert listened(published_to=users, operator=operator) == published


def test_an_address_of_ipv6_is_in_brackets_before_a_port() -> None:
    found: list[str] = []

    def program() -> None:
        engines = Engines("memory", Hosts(data=SIX, app=SIX, monitoring=TWO, edge=TWO))
        listener = Listener(engine=engines["data"], alias="store", internal=6333, published=7000)
        found.append(listener.seen_from(engines["edge"]))
        found.extend(str(port.ip) for port in listener.binds(engines["edge"]))

    declared("test", program, mock_outputs)

    assert found == ["[fd00::2]:7000", "fd00::2"]
